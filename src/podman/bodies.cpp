#include "podman/bodies.hpp"

#include <nlohmann/json.hpp>

namespace miraclemax::podman {

namespace {

using Json = nlohmann::json;

// Names and argv are bytes; what is not UTF-8 must not throw out of dump().
std::string dumped(const Json& json) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json named_volumes(const ContainerSpec& spec) {
    auto all = Json::array();
    for (const auto& volume : spec.volumes)
        all.push_back({{"Name", volume.name},
                       {"Dest", volume.destination},
                       {"Options", Json::array({volume.read_only ? "ro" : "rw", "nocopy"})}});
    return all;
}

Json mounts_of(const ContainerSpec& spec) {
    auto all = Json::array();
    for (const auto& bind : spec.binds) {
        auto options = Json::array({"rbind", bind.read_only ? "ro" : "rw"});
        if (!bind.propagation.empty())
            options.push_back(bind.propagation);
        all.push_back({{"type", "bind"},
                       {"source", bind.source},
                       {"destination", bind.destination},
                       {"options", std::move(options)}});
    }
    // Below a read-only root podman 4 makes /dev/shm and /tmp writable by itself, podman 5 only when asked:
    // gpg needs one place in memory.
    all.push_back({{"type", "tmpfs"},
                   {"source", "tmpfs"},
                   {"destination", "/tmp"},
                   {"options", Json::array({"rw", "nosuid", "nodev", "noexec", "size=64m", "mode=0700"})}});
    return all;
}

} // namespace

std::string create_body(const ContainerSpec& spec) {
    Json body{
        {"name", spec.name},
        {"image", spec.image},
        // As the entrypoint: with one given, podman uses neither the image's entrypoint nor its command.
        {"entrypoint", spec.command},
        {"command", Json::array()},
        {"labels", spec.labels},
        {"user", "0:0"},
        {"work_dir", "/"},
        {"netns", {{"nsmode", "none"}}},
        {"cap_drop", Json::array({"ALL"})},
        {"cap_add", Json::array()},
        {"read_only_filesystem", true},
        {"no_new_privileges", true},
        {"selinux_opts", Json::array({"disable"})},
        {"restart_policy", "no"},
        {"remove", false},
        {"stop_timeout", 1},
        {"terminal", false},
        // The image's own volumes and health check are the sidecar's, not the worker's.
        {"image_volume_mode", "ignore"},
        {"healthconfig", {{"Test", Json::array({"NONE"})}}},
        {"volumes", named_volumes(spec)},
        {"mounts", mounts_of(spec)},
    };
    for (const auto& capability : spec.capabilities)
        body["cap_add"].push_back("CAP_" + capability);
    return dumped(body);
}

std::string volume_body(const VolumeSpec& spec) {
    Json body{{"Name", spec.name}, {"Labels", spec.labels}, {"Options", spec.options}};
    if (!spec.driver.empty())
        body["Driver"] = spec.driver;
    return dumped(body);
}

std::string exec_body(const std::vector<std::string>& argv) {
    return dumped({{"AttachStdin", false},
                   {"AttachStdout", true},
                   {"AttachStderr", true},
                   {"Tty", false},
                   {"Cmd", argv}});
}

std::string exec_start_body() {
    return dumped({{"Detach", false}, {"Tty", false}});
}

std::string label_filter(const std::string& label) {
    return dumped({{"label", Json::array({label})}});
}

} // namespace miraclemax::podman
