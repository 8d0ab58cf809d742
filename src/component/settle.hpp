// One candidate to a component, or to the reason why not. Pure.
#pragma once

#include "component/candidates.hpp"

namespace miraclemax::component {

// Adds to exactly one of found's components, excluded and problems (there perhaps several times), and to its
// warnings.
void settle(const Candidate& candidate, Encryption encryption_default, Discovery& found);

} // namespace miraclemax::component
