// Components whose old data is in a safety backup alone, since the run that was to replace it in place died
// or failed: nobody starts on them before they are restored again.
#pragma once

#include "run/context.hpp"
#include "run/restore_record.hpp"

#include "archive/staging.hpp"
#include "component/component.hpp"

namespace miraclemax::run {

struct Emptied {
    std::string run;
    RestoredComponent component;
    // "was being restored in place when it was cut off; its old data is whole in backup ID: run `…`"
    std::string what;
};

// Those of dead runs. Reads the state folder alone.
[[nodiscard]] std::vector<Emptied> emptied_by_the_dead(const Settings& settings, const Alive& alive = {});
// This component, at the place where it is now, whether that run seems to live or not. Under the backup
// folder's lock it is dead, or is the run that asks. `records`: all there are, oldest first.
[[nodiscard]] std::optional<Emptied> emptied_at(const std::vector<RestoreRecord>& records,
                                                const Settings& settings,
                                                const component::Component& component);
// Where the old data of what that run emptied is, and the command that brings it back: of all whose safety
// backup it is, a group comes back together.
[[nodiscard]] std::string way_back(const RestoreRecord& record, const std::string& safety);

// Before such a component is restored again: what the dead run staged takes its room. Throws Error.
void sweep_earlier(const Context& context, const Host& host, const std::string& run,
                   const std::string& component);
// After, for what was restored to where it was emptied: what lies aside of it is the emptied root, and not
// kept; nobody waits for it any more. True: there was such a run, and its containers may be started now.
// Throws Error.
bool close_earlier(const Context& context, const Host& host, RestoreRecords& records, RestoreRecord& record,
                   const std::vector<component::Component>& restored);

} // namespace miraclemax::run
