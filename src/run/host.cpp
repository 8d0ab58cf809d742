#include "run/host.hpp"

#include "error.hpp"

#include <algorithm>
#include <filesystem>

namespace miraclemax::run {

std::optional<std::string> Host::self_id() const {
    return self ? std::optional(self->id) : std::nullopt;
}

namespace {

// On the host itself a path can be resolved: /home may be a link to /var/home, and a container that binds the
// one writes to the other. In a sidecar the host's links can't be seen.
std::string resolved(const std::string& path) {
    std::error_code trouble;
    const auto real = std::filesystem::weakly_canonical(path, trouble);
    return path.empty() || trouble ? path : real.string();
}

void resolve(Host& host) {
    for (auto& container : host.containers)
        for (auto& mount : container.mounts)
            mount.source = resolved(mount.source);
    for (auto& volume : host.volumes) {
        volume.mountpoint = resolved(volume.mountpoint);
        if (const auto device = volume.options.find("device");
            device != volume.options.end() && device->second.starts_with('/'))
            device->second = resolved(device->second);
    }
}

Host seen(podman::Engine& engine, podman::Info info, std::vector<podman::Volume> volumes,
          const std::optional<std::string>& self_id, const podman::Limits& limits = {}) {
    Host host{.info = std::move(info),
              .volumes = std::move(volumes),
              .containers = engine.containers(limits),
              .self = {}};
    if (!self_id) {
        resolve(host);
        return host;
    }
    const auto found = std::find_if(host.containers.begin(), host.containers.end(),
                                    [&](const podman::Container& each) { return each.id == *self_id; });
    if (found == host.containers.end())
        throw Error(ExitCode::podman, "the podman behind the socket doesn't know the container this runs in",
                    "mount the socket folder of the podman that runs the sidecar");
    host.self = *found;
    return host;
}

} // namespace

component::Facts Host::facts(const Settings& settings) const {
    component::Facts facts{.volumes = volumes,
                           .containers = containers,
                           .configured = settings.configured,
                           .self_id = self_id(),
                           .encryption_default = settings.encryption_default,
                           .own_folders = {settings.backups.string(), settings.state.string()}};
    if (!self) {
        for (auto& configured : facts.configured)
            configured.path = resolved(configured.path);
        for (auto& folder : facts.own_folders)
            folder = resolved(folder);
    }
    for (const auto& tier : settings.tiers) // as written: to look at a dead share may take for ever
        facts.own_folders.push_back(tier.folder.string());
    return facts;
}

Host survey(podman::Engine& engine, const std::optional<std::string>& self_id) {
    auto info = engine.info();
    return seen(engine, std::move(info), engine.volumes(), self_id);
}

Host with_containers(podman::Engine& engine, std::vector<podman::Volume> volumes,
                     const std::optional<std::string>& self_id, const podman::Limits& limits) {
    return seen(engine, {}, std::move(volumes), self_id, limits);
}

Host look_again(podman::Engine& engine, const Host& earlier) {
    if (!earlier.no_podman.empty())
        return earlier;
    return seen(engine, earlier.info, engine.volumes(), earlier.self_id());
}

} // namespace miraclemax::run
