#include "quiesce/stop_safety.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace miraclemax::quiesce {

using podman::Container;
using podman::State;

namespace {

bool up(const Container& container) {
    return container.state == State::running || container.state == State::paused;
}

std::optional<std::string> tmpfs_volume_of(const Container& container, const FreezeFacts& facts) {
    for (const auto& mount : container.mounts) {
        if (mount.type != "volume")
            continue;
        for (const auto& volume : facts.volumes) {
            const auto type = volume.options.find("type");
            if (volume.name == mount.name && type != volume.options.end() && type->second == "tmpfs")
                return volume.name;
        }
    }
    return std::nullopt;
}

} // namespace

std::string unit_of(const Container& container) {
    const auto found = container.labels.find("PODMAN_SYSTEMD_UNIT");
    return found == container.labels.end() ? std::string() : found->second;
}

std::optional<std::string> unsafe_to_stop(const Container& container, const FreezeFacts& facts,
                                          const Dependencies& dependencies,
                                          const std::set<std::string>& stopping) {
    if (facts.self_id && *facts.self_id == container.id)
        return "it is the sidecar itself";
    if (container.auto_remove && !unit_of(container).empty())
        return fmt::format("podman removes it when it stops (--rm), and systemd's unit {} runs it",
                           unit_of(container));
    if (container.auto_remove)
        return "podman removes it when it stops (--rm)";
    if (const auto volume = tmpfs_volume_of(container, facts))
        return fmt::format("its volume {} is a tmpfs, whose content is lost at a stop", *volume);
    for (const auto& other : facts.containers)
        if (other.id != container.id && up(other) && stopping.count(other.id) == 0 &&
            network_of(other, facts.containers) == container.id)
            return fmt::format("container {} uses its network", other.name);
    if (facts.self_id && dependencies.needs(*facts.self_id).count(container.id) != 0)
        return "the sidecar depends on it";
    return std::nullopt;
}

std::vector<std::string> effects_of_stop(const Container& container, const FreezeFacts& facts,
                                         const Dependencies& dependencies,
                                         const std::set<std::string>& stopping) {
    std::vector<std::string> effects;
    for (const auto& other : facts.containers) {
        const bool needed =
            std::count(container.dependencies.begin(), container.dependencies.end(), other.id);
        if (needed && !up(other))
            effects.push_back(fmt::format(
                "{} needs {}, which is {}: when podman starts {} again, it starts {} too", container.name,
                other.name, podman::name_of(other.state), container.name, other.name));
        if (other.id != container.id && up(other) && stopping.count(other.id) == 0 &&
            dependencies.needs(other.id).count(container.id) != 0)
            effects.push_back(fmt::format("{} depends on {} and goes on while {} is stopped", other.name,
                                          container.name, container.name));
    }
    return effects;
}

} // namespace miraclemax::quiesce
