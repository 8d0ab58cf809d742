// What belongs to the sidecar itself, and is never part of a backup. Pure.
#pragma once

#include "component/discovery.hpp"

#include <set>

namespace miraclemax::component {

struct Own {
    std::set<std::string> volumes{};
    std::vector<std::string> paths{}; // on the host
};

// The own folders as the host knows them, by the mounts of the sidecar's container.
Own own_of(const Facts& facts);

// Why this is not backed up; nullopt: it has nothing of ours in it.
[[nodiscard]] std::optional<std::string> claim(const Own& own, const Source& source);

} // namespace miraclemax::component
