// The host as a run sees it: podman's lists, each time they are read.
#pragma once

#include "component/discovery.hpp"
#include "podman/engine.hpp"
#include "run/settings.hpp"

namespace miraclemax::run {

struct Host {
    podman::Info info;
    std::vector<podman::Volume> volumes;
    std::vector<podman::Container> containers;
    std::optional<podman::Container> self; // the sidecar's own container; nullopt on a host install
    std::string no_podman{}; // why podman could not be asked: of volumes and containers nothing is known

    [[nodiscard]] std::optional<std::string> self_id() const;
    [[nodiscard]] component::Facts facts(const Settings& settings) const;
};

// Throws Error (podman).
Host survey(podman::Engine& engine, const std::optional<std::string>& self_id);
// Where the volumes are known, and little time is left: podman is asked for the containers alone. Throws
// Error (podman).
Host with_containers(podman::Engine& engine, std::vector<podman::Volume> volumes,
                     const std::optional<std::string>& self_id, const podman::Limits& limits);
// What may have changed since: the volumes and the containers. What podman says of itself stays, which it
// takes a fifth of a second to find out (it asks the package manager for versions). Throws Error (podman).
Host look_again(podman::Engine& engine, const Host& earlier);

} // namespace miraclemax::run
