// Small hosts for the tests.
#pragma once

#include "component/group.hpp"

#include <algorithm>

namespace miraclemax::component::test {

inline podman::Volume volume(const std::string& name, podman::Labels labels = {}) {
    return {.name = name,
            .driver = "local",
            .mountpoint = "/store/" + name + "/_data",
            .created_at = "2025-01-01T00:00:00Z",
            .labels = std::move(labels)};
}

inline podman::Volume bound(const std::string& name, const std::string& device, podman::Labels labels = {}) {
    auto made = volume(name, std::move(labels));
    made.options = {{"type", "none"}, {"o", "rw,bind"}, {"device", device}};
    return made;
}

inline podman::Mount of_volume(const std::string& name, const std::string& destination,
                               bool writable = true) {
    return {.type = "volume",
            .name = name,
            .source = "/store/" + name + "/_data",
            .destination = destination,
            .writable = writable};
}

inline podman::Mount of_path(const std::string& source, const std::string& destination,
                             bool writable = true) {
    return {.type = "bind", .source = source, .destination = destination, .writable = writable};
}

inline podman::Container container(const std::string& name, std::vector<podman::Mount> mounts,
                                   podman::Labels labels = {}) {
    return {.id = "id-" + name,
            .name = name,
            .state = podman::State::running,
            .labels = std::move(labels),
            .mounts = std::move(mounts)};
}

inline const Component* find(const Discovery& found, const std::string& name) {
    for (const auto& each : found.components)
        if (each.name == name)
            return &each;
    return nullptr;
}

inline std::string problems_of(const Discovery& found, const std::string& component) {
    std::string text;
    for (const auto& each : found.problems)
        if (each.component == component)
            text += each.what + " | " + each.remedy + "\n";
    return text;
}

inline std::string excluded_why(const Discovery& found, const std::string& what) {
    for (const auto& each : found.excluded)
        if (each.what == what)
            return each.why;
    return "not excluded";
}

inline std::string joined(const std::vector<std::string>& lines) {
    std::string text;
    for (const auto& line : lines)
        text += line + "\n";
    return text;
}

const podman::Labels backed{{"miraclemax.backup", "true"}};

} // namespace miraclemax::component::test
