// The containers that are not as they were, as the journals tell it.
#pragma once

#include "run/settings.hpp"

namespace miraclemax::run {

// A sentence for each container that a dead run froze and nobody has put back, and for each journal that
// can't be read. Those of the last seconds are left out: the daemon is about to put them back. Reads without
// locking. Never throws.
[[nodiscard]] std::vector<std::string> unreleased(const Settings& settings);

} // namespace miraclemax::run
