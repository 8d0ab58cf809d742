// What one run did: kept in the state folder, so that metrics and the status page survive restarts.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace miraclemax::catalog {

struct RunComponent {
    std::string name;
    bool ok = true;
    std::string reason; // why not
    std::int64_t freeze_milliseconds = 0;
    std::uint64_t bytes = 0;  // of content read
    std::uint64_t stored = 0; // of its archive
    std::uint64_t files = 0;
    std::uint64_t skipped = 0; // unreadable, elsewhere, sockets
    std::uint64_t changed = 0; // while they were read
};

struct RunRecord {
    std::string run;          // its name (run::new_run_name)
    std::string kind;         // "backup", "verify", "replicate", "restore", "drill" (of a restore)
    std::string began;        // UTC, "2025-10-16T01:00:00Z"
    std::string ended;        // UTC; empty: it is going on, or was killed
    std::string planned;      // the schedule's time that it was started for, UTC; empty: by hand
    std::string id;           // of the backup that it published
    int code = 0;             // exit code
    std::string message;      // the error that ended it
    std::uint64_t stored = 0; // bytes of the backup; of what a replication copied
    std::vector<RunComponent> components;
    bool partial = false; // of single components, or a verify of single backups: it tells of these alone
    std::vector<std::string> unreleased; // containers that are not as they were
};

// A file a run, <folder>/<run>.json, replaced whole. Any process.
class RunRecords {
public:
    explicit RunRecords(std::filesystem::path folder); // made when the first is kept
    void keep(const RunRecord& record);                // throws Error (failed)
    [[nodiscard]] std::vector<RunRecord> all() const;  // oldest first; what can't be read is passed over
    // The oldest of each kind go, partial ones counted apart; never its newest that was whole.
    void trim(std::size_t most);

private:
    std::filesystem::path folder_;
};

} // namespace miraclemax::catalog
