// An application's hook in its container.
#pragma once

#include "podman/engine.hpp"
#include "quiesce/journal.hpp"

#include <optional>
#include <string>

namespace miraclemax::quiesce {

// Throws Error (failed) naming the container, with the end of its output, when it ends with another code than
// 0.
void run_hook(podman::Engine& engine, const std::string& which, const Entry& entry,
              const std::vector<std::string>& argv);
// The after-hook of an entry, if it has one; what went wrong.
std::optional<std::string> run_after_hook(podman::Engine& engine, const Entry& entry);

} // namespace miraclemax::quiesce
