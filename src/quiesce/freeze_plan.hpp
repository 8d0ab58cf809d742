// What would be done to freeze a group, in which order. Pure.
#pragma once

#include "component/group.hpp"

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace miraclemax::quiesce {

enum class Act { none, pause, stop }; // none: only hooks run
[[nodiscard]] const char* name_of(Act act);

struct Step {
    std::string id{};
    std::string name{};
    Act act = Act::pause;
    std::chrono::seconds stop_timeout{10};
    std::string unit{}; // PODMAN_SYSTEMD_UNIT, or empty
    std::string started_at{};
    std::vector<std::string> before{}, after{}; // hooks' argv, empty: none
    std::chrono::seconds hook_timeout{30};
    std::string why{}; // "pause: mounts n8n", "stop: component db"
};

struct FreezePlan {
    std::string group{};
    // Stops first, dependents before what they depend on; pauses last. The steps of a stage run in parallel.
    // Release goes the other way.
    std::vector<std::vector<Step>> stages{};
    std::vector<std::string>
        refusals{};                   // not empty: the group can't be frozen as asked, each with its reason
    std::vector<std::string> notes{}; // "web is not running: nothing to freeze"
    std::optional<std::chrono::milliseconds> max_freeze{}; // from the first act to the last release
    // True where a pause that podman refuses may become a stop (quiesce auto and stopping is safe), by
    // container id.
    std::map<std::string, bool> may_stop{};
    [[nodiscard]] bool empty() const { return stages.empty(); }
    // The names of those that are paused or stopped; in the order of the stages.
    [[nodiscard]] std::vector<std::string> frozen() const;
};

// Hooks already resolved to argv, by container id (run/ resolves ready hooks).
struct Hooks {
    std::vector<std::string> before{}, after{};
    std::chrono::seconds timeout{30};
};

struct FreezeFacts {
    podman::Info info{};
    std::vector<podman::Container> containers{};
    std::vector<podman::Volume> volumes{}; // a tmpfs volume loses its content at a stop
    std::optional<std::string> self_id{};
    std::map<std::string, Hooks> hooks{};
};

// The strongest quiesce that a container's label or a component it writes to asks for wins: stop, pause,
// auto, none. Only running containers are frozen; a paused one stays as it is (a stop asked for it is
// refused).
FreezePlan plan_freeze(const component::Group& group, const FreezeFacts& facts);

} // namespace miraclemax::quiesce
