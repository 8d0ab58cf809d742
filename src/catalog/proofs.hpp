// When which backup was last proven, and how: kept in the state folder, since a published backup never
// changes.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>

namespace miraclemax::catalog {

// One backup's. Times are UTC, "2025-10-16T01:00:00Z"; empty: never.
struct Proof {
    std::string examined;         // signature, layout and every sha256 were right
    std::string examined_trouble; // what was wrong the last time, or empty
    // When the stored files were last compared with the manifest, whoever signed it; and the components that
    // then had one that was not what it says. For retention, which counts on files and not on signatures.
    std::string files_at{};
    std::set<std::string> damaged{};
    struct Rehearsal {
        std::string at;      // decrypted and compared with its inventory to the end
        std::string trouble; // what was wrong the last time, or empty
    };
    std::map<std::string, Rehearsal> components; // by component
};

// A file a backup, <folder>/<id>.json, replaced whole. Any process; the last writer wins.
class Proofs {
public:
    explicit Proofs(std::filesystem::path folder);                      // made when the first is kept
    [[nodiscard]] std::optional<Proof> of(const std::string& id) const; // an unreadable file is none
    void keep(const std::string& id, const Proof& proof);               // throws Error (failed)
    void forget(const std::string& id);                                 // the backup is gone

private:
    std::filesystem::path folder_;
};

} // namespace miraclemax::catalog
