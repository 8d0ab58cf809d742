// One group: stage, stop, swap, start. The mirror image of group_backup.
#pragma once

#include "run/execution.hpp"
#include "run/restore.hpp"

namespace miraclemax::run {

struct GroupRestored {
    std::vector<RestoredItem> items;
    std::vector<std::string> stopped; // names of the containers that were started again
    quiesce::FreezeReport downtime;
    std::vector<LeftDown::Unstarted> unstarted; // of the stopped, on the restored data
    bool released = true;                       // all, but for the unstarted
    std::string unreleased;
    ExitCode code = ExitCode::ok; // of the failure, if there was one
};

// Everything is unpacked and checked while the applications run; stopped is only for the renames. When one
// member fails, all of the group hold what they held before. Only an interruption leaves by exception (Error,
// interrupted or not_released).
GroupRestored restore_group(const Context& context, RestoreObserver& observer, Execution& execution,
                            const Host& host, RestoreGroup& group, const PrivateKeys& keys,
                            const RestoreRequest& request, RestoreRecords& records, RestoreRecord& record);

} // namespace miraclemax::run
