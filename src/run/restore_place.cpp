#include "run/restore_place.hpp"

#include "component/bound_volume.hpp"
#include "error.hpp"
#include "run/identity.hpp"

#include <algorithm>

namespace miraclemax::run {

std::string restore_kind(const Host& host) {
    return host.self ? "container" : "child";
}

worker::Placement restore_placement(const Settings& settings, const Host& host, const std::string& run,
                                    const RestoredComponent& component) {
    // Read or written from outside, such a volume may be an empty folder that podman mounts something over.
    const auto mounted = [&](const podman::Volume& volume) {
        return volume.name == component.volume && !component::bound_device(volume) &&
               (volume.driver != "local" || !volume.options.empty());
    };
    if (!host.self &&
        (component.path.empty() || std::any_of(host.volumes.begin(), host.volumes.end(), mounted)))
        throw Error(ExitCode::config,
                    component.component + ": volume " + component.volume + " can only be mounted by podman",
                    "run miraclemax as a sidecar container: it reaches any volume by a helper");
    return {.run = run,
            .instance = identity(settings),
            .volume = component.volume,
            .volume_created_at = component.volume_created_at,
            .path = component.path,
            .local_path = host.self ? "" : component.path,
            .folder = {},
            .control = (settings.control() / run).string()};
}

bool gone(const Host& host, const RestoredComponent& component) {
    return !component.volume.empty() &&
           std::none_of(host.volumes.begin(), host.volumes.end(), [&](const podman::Volume& volume) {
               return volume.name == component.volume && (component.volume_created_at.empty() ||
                                                          volume.created_at == component.volume_created_at);
           });
}

archive::Site site_of(const RestoreRecord& record, const RestoredComponent& component) {
    return {.root = {}, .single = component.single, .run = record.run, .only = component.only};
}

std::unique_ptr<worker::RestoreLauncher> restore_launcher(const Settings& settings, podman::Engine& engine,
                                                          const Host& host, const std::string& kind) {
    const worker::Limits limits{.silence = settings.worker_silence};
    if (kind == "child")
        return worker::child_restore_launcher(settings.program, limits);
    return worker::container_restore_launcher(engine, host.self.value(), settings.trusted_xattrs, limits);
}

std::unique_ptr<worker::Settler> settler(const Settings& settings, podman::Engine& engine, const Host& host,
                                         const std::string& run, const RestoreRecord& record,
                                         const RestoredComponent& component, worker::Settling what,
                                         const std::string& folder) {
    const auto launcher = restore_launcher(settings, engine, host, restore_kind(host));
    return launcher->settle({.component = component.component,
                             .what = what,
                             .site = site_of(record, component),
                             .folder = folder},
                            restore_placement(settings, host, run, component));
}

archive::Holds settle(const Settings& settings, podman::Engine& engine, const Host& host,
                      const std::string& run, const RestoreRecord& record, const RestoredComponent& component,
                      worker::Settling what, const std::stop_token& stop) {
    return settler(settings, engine, host, run, record, component, what)->finish(stop);
}

archive::Space room_at(const Settings& settings, podman::Engine& engine, const Host& host,
                       const std::string& run, const RestoreRecord& record,
                       const RestoredComponent& component, const std::stop_token& stop) {
    const auto looking = settler(settings, engine, host, run, record, component, worker::Settling::room);
    looking->finish(stop);
    return looking->space();
}

} // namespace miraclemax::run
