// Whether a container can be stopped and started without anybody losing something. Pure.
#pragma once

#include "quiesce/dependencies.hpp"
#include "quiesce/freeze_plan.hpp"

#include <optional>
#include <set>
#include <string>

namespace miraclemax::quiesce {

// Why `container` must not be stopped; nullopt: it may be. `stopping` are those that stop and start with it
// in order.
std::optional<std::string> unsafe_to_stop(const podman::Container& container, const FreezeFacts& facts,
                                          const Dependencies& dependencies,
                                          const std::set<std::string>& stopping);

// What a stop changes for others although it is safe: sentences.
std::vector<std::string> effects_of_stop(const podman::Container& container, const FreezeFacts& facts,
                                         const Dependencies& dependencies,
                                         const std::set<std::string>& stopping);

// The systemd unit named by podman's label, or empty. The label alone does not prove that systemd runs it:
// compose sets it always.
std::string unit_of(const podman::Container& container);

} // namespace miraclemax::quiesce
