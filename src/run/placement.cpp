#include "run/placement.hpp"

#include "error.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

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

// o=bind makes a volume of an ordinary folder. Any other device (NFS, a disk, tmpfs) is there only while
// podman has it mounted: read from outside it may look empty.
bool bound_folder(const component::Source& source) {
    const auto device = source.options.find("device");
    return source.kind == component::Source::Kind::volume && device != source.options.end() &&
           device->second.starts_with('/') &&
           std::filesystem::path(device->second).lexically_normal() ==
               std::filesystem::path(source.path).lexically_normal();
}

// CAP_DAC_READ_SEARCH (2) or CAP_DAC_OVERRIDE (1), effective. linux/capability.h
bool can_read_all() {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);)
        if (line.starts_with("CapEff:"))
            return (std::stoull(line.substr(7), nullptr, 16) & 0b110U) != 0;
    return false;
}

bool is_there(const std::string& path) {
    struct stat status {};
    return ::lstat(path.c_str(), &status) == 0 && (S_ISDIR(status.st_mode) || S_ISREG(status.st_mode));
}

} // namespace

Place choose_place(const Settings& settings, const Host& host, const component::Component& component) {
    const auto& source = component.source;
    // A sidecar without capabilities sees files that it can't read; its helper reads them all.
    const bool able = settings.launch == Launch::child || !host.self || can_read_all();
    if (settings.launch != Launch::container && able && (source.plain() || bound_folder(source)))
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
