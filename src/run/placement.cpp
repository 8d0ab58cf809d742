#include "run/placement.hpp"

#include "error.hpp"

#include <sys/stat.h>

#include <algorithm>

namespace miraclemax::run {
namespace {

// The other way round than worker::host_path: what this process sees of a path of the host.
std::optional<std::string> seen_at(const Host& host, const std::string& path) {
    if (path.empty())
        return std::nullopt;
    if (!host.self)
        return path;
    const podman::Mount* best = nullptr;
    for (const auto& mount : host.self->mounts) {
        const bool covers =
            path == mount.source || path.starts_with(mount.source + "/") || mount.source == "/";
        if (covers && (best == nullptr || mount.source.size() > best->source.size()))
            best = &mount;
    }
    if (best == nullptr)
        return std::nullopt;
    return best->destination + path.substr(best->source == "/" ? 0 : best->source.size());
}

bool is_there(const std::string& path) {
    struct stat status {};
    return ::lstat(path.c_str(), &status) == 0 && (S_ISDIR(status.st_mode) || S_ISREG(status.st_mode));
}

} // namespace

Place choose_place(const Settings& settings, const Host& host, const component::Component& component) {
    const auto& source = component.source;
    const bool bound = source.kind == component::Source::Kind::volume && source.options.contains("device") &&
                       !source.path.empty(); // o=bind: its device is an ordinary folder
    if (settings.launch != Launch::container && (source.plain() || bound))
        if (const auto seen = seen_at(host, source.path))
            if (is_there(*seen))
                return {.kind = "child", .local_path = *seen};
    if (settings.launch == Launch::child)
        throw Error(ExitCode::config,
                    component.name + ": the worker is set to \"child\", and " + source.path +
                        " can't be seen from here",
                    "mount the volume store into the sidecar, or set worker.launcher to auto");
    if (!host.self)
        throw Error(
            ExitCode::config,
            component.name + ": " + (source.path.empty() ? "volume " + source.volume : source.path) +
                " is not there, or only podman can mount it",
            "check the path, or run miraclemax as a sidecar container: it reads any volume by a helper");
    return {.kind = "container", .local_path = {}};
}

} // namespace miraclemax::run
