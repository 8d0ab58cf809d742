// Which sidecar this is: the workers' label, so that two that share a podman never touch each other's.
#pragma once

#include "run/settings.hpp"

namespace miraclemax::run {

// "<instance>.<16 hex digits>": the digits are made once and live in the state folder. Throws Error (config)
// when the folder can't be written.
std::string identity(const Settings& settings);

} // namespace miraclemax::run
