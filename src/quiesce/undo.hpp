// How long the undoing of one container is tried; for tests, which have less time.
#pragma once

#include "quiesce/recovery.hpp"

namespace miraclemax::quiesce {

struct Patience {
    int tries = 3; // of each act that podman answers with a refusal
    std::chrono::milliseconds between{700};
    std::chrono::milliseconds unreachable{20'000}; // podman can't even be asked
    std::chrono::milliseconds settling{10'000};    // removing, or a unit that has not brought it back
    Haste haste{};
};

Recovered undo(podman::Engine& engine, const Entry& entry, const Patience& patience);

} // namespace miraclemax::quiesce
