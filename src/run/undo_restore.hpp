// The way back from a restore, for as long as the moved-aside data is there.
#pragma once

#include "run/execution.hpp"
#include "run/restore.hpp"

namespace miraclemax::run {

using Aside = std::pair<std::string, RestoredComponent>; // the run, and what its record says

// What lies aside now: the newest restore of each component, of all or of these. Throws Error (not_found)
// when there is none.
std::vector<Aside> moved_aside(const RestoreRecords& records, const std::vector<std::string>& components);
// Of all restores; what was restored beside the original, and what has nothing but strays, too.
std::vector<Aside> all_aside(const RestoreRecords& records, const std::vector<std::string>& components);

// Stops their users, puts the old data back, keeps the restored data aside instead, starts them again. A
// second time for the same restore is an Error (not_found).
void undo_components(const Context& context, RestoreObserver& observer, Execution& execution,
                     RestoreRecords& records, const std::vector<std::string>& components);
void undo_restore(const Context& context, RestoreObserver& observer,
                  const std::vector<std::string>& components);

// Removes what was agreed to, where it lies aside as it did then. Returns the components' names. Throws
// Error; (failed) at its end, naming what has come or changed since of these components, and stays.
std::vector<std::string> discard_old(const Context& context, const std::vector<Aside>& agreed);

// After a backup that holds these components whole: what lies aside of them is let go. Never throws: it
// warns.
void let_go(const Context& context, const std::string& run, const std::vector<std::string>& components);

} // namespace miraclemax::run
