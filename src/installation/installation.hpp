// A plan, held against what is on disk, done, and undone.
#pragma once

#include "installation/record.hpp"

namespace miraclemax::installation {

enum class Due {
    yes,
    no,      // it is so already
    left,    // it differs, and stays as it is: it is the user's
    refused, // something that is not ours is in the way
};

struct Task {
    Step step;
    Due due = Due::yes;
    std::string note{}; // why not
};

struct Made {                            // what to tell after it
    std::string fingerprint{};           // of a new key pair
    std::string signing_key{};           // of this host
    std::filesystem::path private_key{}; // file
};

using Say = std::function<void(const std::string& line)>;

class Installation {
public:
    // `root` stands before every path that is written but the private key's. Throws Error (config) when
    // another way is installed already.
    Installation(Plan plan, std::filesystem::path root, Outside& outside);

    [[nodiscard]] const Plan& plan() const noexcept { return plan_; }
    [[nodiscard]] const std::vector<Task>& tasks() const noexcept { return tasks_; }
    [[nodiscard]] bool is_done() const;        // nothing is due
    [[nodiscard]] bool is_refused() const;     // carry_out would not begin
    [[nodiscard]] bool makes_key_pair() const; // carry_out needs a passphrase

    // Does what is due, each deed recorded before it is done: stopped at any point it can be repeated and
    // undone. Throws Error at the first that fails; what was done stays.
    Made carry_out(const std::string& passphrase, const Say& say);

private:
    void examine();
    void judge_file(Task& task) const;
    void judge_key(Task& task) const;
    void record(Deed deed);
    void make_folder(const std::filesystem::path& path, mode_t mode);
    void write(const Task& task);
    void run(const Step& step);
    void make_key_pair(const Step& step, const std::string& passphrase, Made& made);
    [[nodiscard]] std::filesystem::path real(const std::filesystem::path& path) const;

    Plan plan_;
    std::filesystem::path root_;
    Outside& outside_;
    Record record_;
    std::vector<Task> tasks_;
};

// What `uninstall` would do, a line each.
std::vector<std::string> undo_lines(const Record& record);
// Undoes what the record says, the last deed first, and removes the record. Keys and backups stay, and what
// the user changed. A command that fails is told, and the rest goes on; false then, and the record stays.
bool uninstall(const std::filesystem::path& root, const Places& places, const Record& record,
               Outside& outside, const Say& say);

} // namespace miraclemax::installation
