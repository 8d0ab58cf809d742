// Whether the containers of a restored group come up well, and the way back where they don't.
#pragma once

#include "run/execution.hpp"
#include "run/restore.hpp"

namespace miraclemax::run {

struct Awaited {
    std::vector<std::string> stopped;           // for the restore, and started again
    std::vector<LeftDown::Unstarted> unstarted; // of these
    std::vector<std::string> components;        // of the group: those that hold the restored data
};

// Waits for the health of all, and tells it. One that podman doesn't start is as unhealthy as one can be.
// Unhealthy, and asked for: the group's old data comes back, and who was stopped for it is started on that.
// Who is not started then either stays in the journal, and is among the unreleased. Throws as an undo does.
void await_group(const Context& context, RestoreObserver& observer, Execution& execution,
                 const RestoreRequest& request, RestoreRecords& records, RestoreRecord& record,
                 const Awaited& awaited, RestoreResult& result);

} // namespace miraclemax::run
