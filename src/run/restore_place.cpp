#include "run/restore_place.hpp"

#include "error.hpp"
#include "run/identity.hpp"

namespace miraclemax::run {

std::string restore_kind(const Host& host) {
    return host.self ? "container" : "child";
}

worker::Placement restore_placement(const Settings& settings, const Host& host, const std::string& run,
                                    const RestoredComponent& component) {
    if (!host.self && component.path.empty())
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

archive::Holds settle(const Settings& settings, podman::Engine& engine, const Host& host, const std::string& run,
                      const RestoreRecord& record, const RestoredComponent& component, worker::Settling what,
                      const std::stop_token& stop) {
    const auto launcher = restore_launcher(settings, engine, host, restore_kind(host));
    const auto settler = launcher->settle({.component = component.component,
                                           .what = what,
                                           .site = site_of(record, component),
                                           .folder = {}},
                                          restore_placement(settings, host, run, component));
    return settler->finish(stop);
}

} // namespace miraclemax::run
