// When the backups are copied into the further tiers: after each backup, or when that is planned.
#pragma once

#include "serve/planned_runs.hpp"

#include "catalog/run_record.hpp"

namespace miraclemax::serve {

// The end of the newest backup run that published one, unless a replication has followed it: one for it that
// ended by itself, or that was begun twice, or one by hand of all tiers that was whole.
[[nodiscard]] std::optional<Moment> backup_to_follow(const std::vector<catalog::RunRecord>& records);

// Thread-safe where it says so.
class Copies {
public:
    // Borrows the sidecar.
    Copies(const Sidecar& sidecar, const std::filesystem::path& memory, Plans plans);

    // What is due now; lasts as long as the run. One thread.
    void round(const run::Settings& settings, const std::stop_token& stop);
    // Other plans from now on. Any thread.
    void replace(Plans plans);
    // Any thread.
    [[nodiscard]] std::map<std::string, std::chrono::system_clock::time_point>
    next_runs(const Now& now) const {
        return keeper_.next_runs(now);
    }
    [[nodiscard]] const PlannedRuns& runs() const { return runs_; }
    [[nodiscard]] PlannedRuns& runs() { return runs_; }

private:
    void follow(const run::Settings& settings, const std::stop_token& stop);

    const Sidecar& sidecar_;
    std::atomic<bool> after_backup_;
    Timekeeper keeper_;
    PlannedRuns runs_;
    // The copying thread's:
    std::filesystem::file_time_type seen_{}; // of the folder of records
    bool due_ = true;                        // one is, by what was seen
    std::optional<Moment> tried_;            // the backup that was followed last
    std::chrono::steady_clock::time_point wait_until_{};
};

} // namespace miraclemax::serve
