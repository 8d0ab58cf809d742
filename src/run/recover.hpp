// Puts back what dead runs left: containers, helper containers.
#pragma once

#include "run/settings.hpp"

#include "quiesce/recovery.hpp"

namespace miraclemax::run {

struct Recovery {
    quiesce::RecoveryReport containers;
    std::vector<std::string> workers; // helper containers that were removed
};

// Touches only this instance's, and only those of runs that are dead. Throws Error (podman).
Recovery recover(const Settings& settings, podman::Engine& engine);

} // namespace miraclemax::run
