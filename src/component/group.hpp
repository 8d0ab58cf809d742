// Which components must be frozen together.
#pragma once

#include "component/discovery.hpp"

namespace miraclemax::component {

// One writer of a group: a container with a writable mount on one of its components.
struct Writer {
    std::string id{};
    std::string name{};
    std::vector<std::string> components{}; // names
};

struct Group {
    std::string name{};               // the named group, else the members' names joined by '+'
    std::vector<Component> members{}; // by priority, then name
    std::vector<Writer>
        writers{}; // in any state, sorted by name; self, own workers and infra containers never
};

// True where the container's mount is writable and its source equals, contains or lies within the component's
// path.
bool writes(const podman::Container& container, const Component& component);

// The connected parts of "container mounts component", and of equal group names. Order: highest priority
// first.
std::vector<Group> group(const std::vector<Component>& components,
                         const std::vector<podman::Container>& containers,
                         const std::optional<std::string>& self_id);

} // namespace miraclemax::component
