// Which container needs which, and the order to stop them in. Pure.
#pragma once

#include "podman/types.hpp"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace miraclemax::quiesce {

// Edges: podman's Dependencies, a shared network namespace ("container:<id>"), and compose's label
// com.docker.compose.depends_on ("db:service_started:true,...") within one project.
class Dependencies {
public:
    explicit Dependencies(const std::vector<podman::Container>& containers);

    // Ids of all that it needs, directly or through others; itself only within a cycle.
    [[nodiscard]] std::set<std::string> needs(const std::string& id) const;

    struct Order {
        std::vector<std::vector<std::string>> stages; // dependents before what they need
        bool cycle = false;                           // the last stage holds a cycle
    };
    [[nodiscard]] Order stop_order(const std::set<std::string>& ids) const;

private:
    std::map<std::string, std::set<std::string>> direct_;
};

// The id of the container whose network namespace it uses, or empty.
std::string network_of(const podman::Container& container, const std::vector<podman::Container>& containers);

} // namespace miraclemax::quiesce
