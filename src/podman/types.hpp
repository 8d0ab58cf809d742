// What podman says about a host: value types, made from its REST answers (podman 4.3 to 5.x, libpod API).
// Every member has an initialiser, so that designated initialisers may leave any of them out without a
// warning.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace miraclemax::podman {

using Labels = std::map<std::string, std::string>;

struct Info {
    std::string version{};        // "4.3.1"
    std::string volume_path{};    // host path of the volume store
    std::string cgroup_version{}; // "v1" or "v2"
    std::string runtime{};        // "runc", "crun"
    std::string hostname{};       // of the host, not of the container this runs in
    bool rootless = false;
    bool selinux = false;
};

struct Volume {
    std::string name{};
    std::string driver{};
    std::string mountpoint{}; // host path; empty for a plugin's volume that is not mounted
    std::string created_at{}; // as podman writes it; compare for equality only
    Labels labels{};
    std::map<std::string, std::string> options{};
    bool needs_copy_up = false;
    bool needs_chown = false;
    bool anonymous = false;
};

// What a new volume is made of (POST volumes/create).
struct VolumeSpec {
    std::string name{};
    std::string driver{}; // empty: podman's default, "local"
    Labels labels{};
    std::map<std::string, std::string> options{};
};

// libpod/define/containerstate.go
enum class State { created, initialized, running, paused, stopping, stopped, exited, removing, unknown };
[[nodiscard]] const char* name_of(State state);

struct Mount {
    std::string type{};   // "volume", "bind"
    std::string name{};   // the volume's, for type "volume"
    std::string source{}; // host path
    std::string destination{};
    std::vector<std::string> options{};
    bool writable = true;
};

// A container's health check. Failures in its start period don't count; `retries` in a row make it unhealthy.
struct HealthCheck {
    std::chrono::milliseconds interval{30'000}, timeout{30'000}, start_period{0};
    int retries = 3;
    int failing = 0;        // times in a row, until now
    std::string last_run{}; // when it began, as podman writes it; empty: none is known
};

struct Container {
    std::string id{}; // all 64 digits
    std::string name{};
    std::string image_id{};
    std::string pod{}; // id or empty
    bool infra = false;
    bool auto_remove = false;
    State state = State::unknown;
    std::string started_at{};                // as podman writes it; compare for equality only
    std::vector<std::string> dependencies{}; // ids
    Labels labels{};
    std::vector<Mount> mounts{};
    std::chrono::seconds stop_timeout{10};
    std::string network_mode{}; // "bridge", "container:<id>", "host", ...
    std::string health{};       // "", "starting", "healthy", "unhealthy"
    HealthCheck health_check{}; // where health is not empty
};

// A helper container of ours (POST containers/create).
struct ContainerSpec {
    struct Bind {
        std::string source{}; // host path
        std::string destination{};
        bool read_only = false;
        std::string propagation{}; // "" or "rslave"
    };
    struct NamedVolume {
        std::string name{};
        std::string destination{};
        bool read_only = true; // always mounted nocopy
    };
    std::string name{};
    std::string image{};                // full image id
    std::vector<std::string> command{}; // replaces the image's entrypoint too
    Labels labels{};
    std::vector<Bind> binds{};
    std::vector<NamedVolume> volumes{};
    std::vector<std::string> capabilities{}; // without "CAP_"; all others are dropped
    // Fixed: user 0:0, no network, read-only root, no new privileges, no SELinux confinement, no restart,
    // stop timeout 1 s.
};

struct ExecResult {
    int exit_code = 0;
    std::string output{}; // stdout and stderr as they came, the last 64 KiB
};

} // namespace miraclemax::podman
