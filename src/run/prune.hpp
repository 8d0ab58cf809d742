// Deletes what no rule keeps, and nothing that anybody might still need.
#pragma once

#include "error.hpp"
#include "run/context.hpp"

#include "catalog/retention.hpp"
#include "store/backup_folder.hpp"

namespace miraclemax::run {

// The rules that `keep` names, and for the others the standard.
[[nodiscard]] catalog::RetentionRules rules_of(const component::Keep& keep,
                                               const catalog::RetentionRules& standard);

struct PruneResult {
    catalog::RetentionPlan plan;
    std::vector<std::string> removed;
    std::vector<std::string> warnings; // the plan's, and about what could not be removed
    ExitCode code = ExitCode::ok;
};

// What stays counts on is proven first: kept backups that were never examined are, and one that is not what
// its manifest says does not count. Before a backup goes, a signed record of that is durable
// (run/removals.hpp). The folder's lock is held by the caller. Throws Error (interrupted).
PruneResult prune(const Settings& settings, store::BackupFolder& folder, bool dry_run,
                  std::chrono::system_clock::time_point now, const std::stop_token& stop);

} // namespace miraclemax::run
