// What the manifest says about a component that was read.
#pragma once

#include "run/reading.hpp"

#include "quiesce/window.hpp"

namespace miraclemax::run {

// Moves the finished files to their place in the partial backup and tells what they hold. `consistent`: every
// member of the group was read in this freeze. Throws Error (destination).
catalog::ComponentRecord record_of(const PlannedGroup& now, const Reading& reading,
                                   const quiesce::FreezeReport& report, bool consistent,
                                   store::Partial& partial);

} // namespace miraclemax::run
