// What a container is asked for by its own label and by the components that it writes to. Pure.
#pragma once

#include "component/group.hpp"

#include <string>
#include <vector>

namespace miraclemax::quiesce {

struct Asked {
    component::Quiesce quiesce = component::Quiesce::none; // the strongest: stop, pause, automatic, none
    std::string by;                                        // "component n8n", "label of container web"
    std::vector<std::string> mounts;                       // names of the members that it writes to
    bool label_yields = false; // its own label says none, and a component asks for more
};

// Throws Error (config) for a container label that can't be understood.
Asked asked_of(const podman::Container& container, const component::Group& group);

} // namespace miraclemax::quiesce
