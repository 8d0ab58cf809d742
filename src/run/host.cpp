#include "run/host.hpp"

#include <algorithm>

namespace miraclemax::run {

std::optional<std::string> Host::self_id() const {
    return self ? std::optional(self->id) : std::nullopt;
}

component::Facts Host::facts(const Settings& settings) const {
    return {.volumes = volumes,
            .containers = containers,
            .configured = settings.configured,
            .self_id = self_id(),
            .own_folders = {settings.backups.string(), settings.state.string()}};
}

Host survey(podman::Engine& engine, const std::optional<std::string>& self_id) {
    Host host{
        .info = engine.info(), .volumes = engine.volumes(), .containers = engine.containers(), .self = {}};
    if (self_id) {
        const auto found = std::find_if(host.containers.begin(), host.containers.end(),
                                        [&](const podman::Container& each) { return each.id == *self_id; });
        // Not in the list: this socket belongs to another podman than the one we run under.
        if (found != host.containers.end())
            host.self = *found;
    }
    return host;
}

} // namespace miraclemax::run
