// What the walk meets, into archive, inventory and report.
#pragma once

#include "archive/archive.hpp"
#include "archive/attributes.hpp"
#include "archive/content.hpp"
#include "archive/exclusions.hpp"
#include "archive/inventory.hpp"
#include "archive/report.hpp"
#include "archive/tar_writer.hpp"
#include "archive/walk.hpp"

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace miraclemax::archive {

// One component, once. Borrows scope, sinks and progress. finish() ends the tar and empties the buffers into
// the sinks, which it does not finish. Throws what the sinks throw.
class ComponentWriter : public Visitor {
public:
    ComponentWriter(const Scope& scope, const Sinks& sinks, const Progress& progress);

    void use(Opener& opener) noexcept { opener_ = &opener; }
    void finish();
    [[nodiscard]] const Tally& tally() const noexcept { return tally_; }

    bool excluded(const std::string& path, bool folder) override;
    void folder(const Place& place, int descriptor, const struct stat& status) override;
    void left(const std::string& path, const struct stat& before, const struct stat& after) override;
    // For a root that is a file: mtree wants the folder that the file is in named.
    void only_entry_follows() { inventory_.add_folder(); }
    bool entry(const Place& place, const struct stat& status, bool last) override;
    void missed(const std::string& path, What what, const std::string& why) override;

private:
    // The first name of a file with several.
    struct FirstName {
        std::string path;
        timespec changed; // its ctime: another one means that what was archived is not what it is now
        nlink_t left;     // names still to come, so that the entry can be forgotten
        ContentDigest digest;
        std::string attributes;
    };
    struct Opened {
        stream::Descriptor file;
        struct stat status {};
        std::optional<std::vector<Extent>> map;
        bool unsure = false; // it changes so often that its times can't tell whether it moved
    };
    enum class Opening { ready, moved, refused };

    bool regular(const Place& place, bool last);
    Opening open(const Place& place, Opened& opened, std::string& why);
    bool small(const Place& place, const Opened& opened, bool last);
    void big(const Place& place, Opened opened);
    Reading stream_file(const Opened& opened);
    bool special(const Place& place, const struct stat& status, bool last);
    bool further_name(const Place& place, const struct stat& status);
    void remember(const Place& place, const struct stat& status, const ContentDigest& digest);

    const std::string& name_of(const std::string& path);
    bool begin(const std::string& path, const struct stat& status, const std::vector<Extent>* map);
    void record(const std::string& path, struct stat status, const ContentDigest& digest,
                const std::string& attributes);
    void read_attributes(const Place& place, int descriptor);
    void judge_attributes(const std::string& path);
    void judge(const std::string& path, const Reading& reading, bool moved, const char* how);
    void tell(std::uint64_t bytes);

    const Scope& scope_;
    const Progress& progress_;
    Exclusions exclusions_;
    TarWriter tar_;
    Inventory inventory_;
    Report report_;
    AttributeReader attribute_reader_;
    ContentReader content_;
    Opener* opener_ = nullptr;
    Tally tally_;
    std::map<std::pair<dev_t, ino_t>, FirstName> first_names_;

    std::string name_;                  // of the entry in the archive
    std::string symlink_;               // its target
    std::string hardlink_;              // its first name
    std::vector<Attribute> attributes_; // its attributes
    int attributes_error_ = 0;
    std::uint64_t told_bytes_ = 0, told_entries_ = 0;
};

} // namespace miraclemax::archive
