// The staging folder on disk, for staging.cpp: its small files, its two slots, and the renames between them
// and the root. See staging.hpp for the format. Every step that has to survive a power cut is synced before
// the call returns. Names within it are only ever opened one by one, never through a link.
#pragma once

#include "archive/staging.hpp"

#include <optional>
#include <set>

#include <sys/stat.h>

namespace miraclemax::archive {

// Where the staging folder of a site lies.
struct Ground {
    stream::Descriptor top;     // the folder that the staging folder is in
    std::filesystem::path path; // of top, for messages
    std::string name;           // ".miraclemax-<run>"
    bool whole = true;          // all top entries move; false: one path
    std::string only;           // that path, relative to top
};
Ground ground_of(const Site& site);

// The folder at a path relative to an open one ("" is itself), component by component. Empty: errno tells
// why.
stream::Descriptor open_below(int folder, const std::string& path);
// fsync; a file system that knows none for folders is forgiven.
void sync_open_folder(int folder, const std::filesystem::path& path);

// What comes and goes in a folder leaves its times as they were `before`.
void keep_times(int folder, const struct stat& before) noexcept;

enum class Slot { old_data, new_data };

class StagingFolder {
public:
    static std::optional<StagingFolder> open(const Site& site); // nullopt: there is none

    // The phase; empty: none yet. What dropping() holds is the phase before the removal began.
    [[nodiscard]] std::string phase() const;
    [[nodiscard]] std::string dropping() const;
    void announce(const char* phase); // durable
    void seal_new(); // what the root of new/ is like and its names are kept, and all of it is durable

    // Before entries leave the root for a slot: that slot, what the root is like now, and what stays.
    // `first`: nothing has moved yet, so which path moves is decided here.
    void prepare(Slot leaving, bool first);
    void load(); // what stays or moves, as it was prepared
    void move_out(Slot to);
    void move_in(Slot from);
    // After moving in. The root becomes what it was with this data; of a single name, nothing to do.
    void dress_root(Slot as);
    // The same after an undo, where the times of the folder around a single name matter too.
    void dress_root_again(Slot as);

    // From here on what stands in the root under a name that has to come there, or to leave it, is moved to
    // strays/ for it; before, that ends the move with an Error.
    void make_way() { makes_way_ = true; }
    // What new/ holds at its top under a name that it had not when it was sealed is moved to strays/.
    void keep_strangers();
    [[nodiscard]] std::vector<std::string> strays() const; // as archive::strays() has them

    [[nodiscard]] bool holds_old() const; // is anything in old/
    [[nodiscard]] std::vector<std::string> staying() const;
    void drop();

private:
    StagingFolder(Ground ground, stream::Descriptor folder);
    [[nodiscard]] std::string read(const char* name, std::size_t longest = std::size_t{16} << 20U) const;
    void replace(const char* name, const std::string& content);
    void prepare_whole();
    void prepare_single();
    void clear_plain_parents(int old);
    [[nodiscard]] stream::Descriptor slot(Slot which) const;
    [[nodiscard]] stream::Descriptor record(Slot which);
    [[nodiscard]] stream::Descriptor
    around(const stream::Descriptor& base) const; // the folder of moves_ there
    [[nodiscard]] stream::Descriptor required(int folder, const std::string& path) const;
    void make_folder(int in, const std::string& name);
    enum class Way { out, in }; // of the root
    void move_all(Slot which, Way way);
    void move(int from, int to, const std::string& name, Way way);
    void move_astray(int from, const std::string& name);
    void store_names();
    void store_staying();
    [[nodiscard]] bool stays(const std::string& name) const;
    [[nodiscard]] std::filesystem::path path() const { return ground_.path / ground_.name; }

    Ground ground_;
    stream::Descriptor folder_;
    std::set<std::string> stays_; // whole
    std::string moves_;           // single
    bool makes_way_ = false;
};

// Renames from one open folder to another, never onto what is there. Returns 0 or the errno. `path`: for an
// Error where it can't be seen what is there.
int rename_alone(int from, int to, const std::string& name, const std::filesystem::path& path);

} // namespace miraclemax::archive
