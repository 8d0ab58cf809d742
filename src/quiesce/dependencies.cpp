#include "quiesce/dependencies.hpp"

#include <algorithm>
#include <string_view>

namespace miraclemax::quiesce {

using podman::Container;

namespace {

std::string label(const Container& container, std::initializer_list<const char*> keys) {
    for (const char* key : keys)
        if (const auto found = container.labels.find(key); found != container.labels.end())
            return found->second;
    return {};
}

std::string project_of(const Container& container) {
    return label(container, {"com.docker.compose.project", "io.podman.compose.project"});
}

std::string service_of(const Container& container) {
    return label(container, {"com.docker.compose.service", "io.podman.compose.service"});
}

// "db:service_started:true,redis" names db and redis.
std::set<std::string> services_in(std::string_view text) {
    std::set<std::string> services;
    while (!text.empty()) {
        const auto item = text.substr(0, text.find(','));
        if (const auto name = item.substr(0, item.find(':')); !name.empty())
            services.emplace(name);
        text.remove_prefix(std::min(text.size(), item.size() + 1));
    }
    return services;
}

} // namespace

std::string network_of(const Container& container, const std::vector<Container>& containers) {
    static constexpr std::string_view prefix = "container:";
    if (container.network_mode.rfind(prefix, 0) != 0)
        return {};
    const auto target = container.network_mode.substr(prefix.size());
    for (const auto& other : containers)
        if (other.id == target || other.name == target)
            return other.id;
    return target;
}

Dependencies::Dependencies(const std::vector<Container>& containers) {
    for (const auto& container : containers) {
        auto& needed = direct_[container.id];
        needed.insert(container.dependencies.begin(), container.dependencies.end());
        if (const auto network = network_of(container, containers); !network.empty())
            needed.insert(network);
        const auto project = project_of(container);
        const auto services = services_in(label(container, {"com.docker.compose.depends_on"}));
        if (project.empty() || services.empty())
            continue;
        for (const auto& other : containers)
            if (other.id != container.id && project_of(other) == project &&
                services.count(service_of(other)) != 0)
                needed.insert(other.id);
    }
}

std::set<std::string> Dependencies::needs(const std::string& id) const {
    std::set<std::string> reached;
    std::vector<std::string> open{id};
    while (!open.empty()) {
        const auto found = direct_.find(open.back());
        open.pop_back();
        if (found == direct_.end())
            continue;
        for (const auto& needed : found->second)
            if (reached.insert(needed).second)
                open.push_back(needed);
    }
    return reached;
}

Dependencies::Order Dependencies::stop_order(const std::set<std::string>& ids) const {
    std::map<std::string, std::set<std::string>> needed; // through containers that stay, too
    for (const auto& id : ids)
        needed[id] = needs(id);
    Order order;
    std::set<std::string> left = ids;
    while (!left.empty()) {
        std::vector<std::string> stage;
        for (const auto& id : left)
            if (std::none_of(left.begin(), left.end(),
                             [&](const auto& other) { return other != id && needed[other].count(id) != 0; }))
                stage.push_back(id);
        if (stage.empty()) {
            order.cycle = true;
            stage.assign(left.begin(), left.end());
        }
        for (const auto& id : stage)
            left.erase(id);
        order.stages.push_back(std::move(stage));
    }
    return order;
}

} // namespace miraclemax::quiesce
