// Hooks by name: <hooks>/<name>/before.json and after.json, each a JSON array of strings.
#pragma once

#include "component/discovery.hpp"
#include "quiesce/freeze_plan.hpp"

#include <filesystem>

namespace miraclemax::run {

// The hooks of every container that names some, ready to run. What is wrong with one (no such hook, a bad
// label) is told in `problems`, by container id: a group with such a writer can't be frozen as asked.
struct ResolvedHooks {
    std::map<std::string, quiesce::Hooks> hooks;
    std::map<std::string, std::string> problems;
};
ResolvedHooks resolve_hooks(const std::vector<podman::Container>& containers,
                            const std::filesystem::path& folder);

} // namespace miraclemax::run
