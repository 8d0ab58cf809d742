// What the miraclemax.* labels of one volume or container say. Pure; any thread.
#pragma once

#include "component/discovery.hpp"

namespace miraclemax::component {

// A word whose value is wrong; empty word: the whole label or entry.
struct Fault {
    std::string word{};
    std::string what{};
    std::string remedy{};
};

// What one place says about one component. A word that is wrong stands in faults and not in the choice.
struct Saying {
    enum class From { configuration, container, volume };
    From from = From::volume;
    std::string whose{}; // "configuration", "label of container web", "label of volume n8n-data"
    Choice choice{};
    std::vector<Fault> faults{};
    [[nodiscard]] bool silent() const;
};

Saying saying_of(const podman::Volume& volume);
Saying saying_of(const Configured& configured);

// One entry of miraclemax.mounts: [{"dest":"/data","component":"n8n"}].
struct MountSaying {
    std::string destination{}; // normalised
    Saying saying{};
};
struct MountsLabel {
    std::vector<MountSaying> entries{};
    std::vector<Fault> faults{}; // not to be ascribed to any one mount
};
MountsLabel mounts_label(const podman::Container& container);

// Labels that are unknown, or stand where they say nothing.
std::vector<std::string> stray_labels(const podman::Volume& volume);
std::vector<std::string> stray_labels(const podman::Container& container);

// One of our own helper containers.
[[nodiscard]] bool is_worker(const podman::Container& container, const std::vector<podman::Container>& all,
                             const std::optional<std::string>& self_id);

} // namespace miraclemax::component
