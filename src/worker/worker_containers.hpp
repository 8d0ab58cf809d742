// Workers as helper containers of the sidecar's own image: what all of them have in common.
#pragma once

#include "worker/launcher.hpp"
#include "worker/worker_process.hpp"

#include <memory>
#include <string>

namespace miraclemax::worker {

constexpr const char* data_at = "/data"; // where a helper container finds the component's data

// Borrows the engine. One thread.
class WorkerContainers {
public:
    // `act` is "backup", "restore": what is said to be run again.
    WorkerContainers(podman::Engine& engine, podman::Container self, std::string act);

    // A container with nothing mounted yet, and no capabilities.
    [[nodiscard]] podman::ContainerSpec outline(const std::string& component,
                                                const Placement& placement) const;
    // The host's path of a path of this process. Throws Error (config): "<what> <path> lies on none of …".
    [[nodiscard]] std::string host_path_of(const std::string& path, const char* what) const;
    // Gives it a control socket, makes it and starts it. Throws Error where the volume of the placement is
    // not the one that was meant, before and after.
    [[nodiscard]] std::unique_ptr<WorkerProcess> start(podman::ContainerSpec spec,
                                                       const Placement& placement);

private:
    void check_volume(const Placement& placement, const char* consequence);

    podman::Engine& engine_;
    podman::Container self_;
    std::string act_;
};

} // namespace miraclemax::worker
