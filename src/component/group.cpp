#include "component/group.hpp"

#include "component/labels.hpp"
#include "component/paths.hpp"

#include <algorithm>
#include <numeric>
#include <set>
#include <tuple>

namespace miraclemax::component {
namespace {

// Which components hang together: each points to another of its part, the first one to itself.
class Parts {
public:
    explicit Parts(std::size_t count) : next_(count) {
        std::iota(next_.begin(), next_.end(), std::size_t{0});
    }
    std::size_t first(std::size_t each) const {
        while (next_[each] != each)
            each = next_[each];
        return each;
    }
    void join(std::size_t one, std::size_t other) {
        const std::size_t left = first(one), right = first(other);
        next_[std::max(left, right)] = std::min(left, right);
    }

private:
    std::vector<std::size_t> next_;
};

struct Found {
    Writer writer;
    std::vector<std::size_t> components;
};

std::vector<Found> find_writers(const std::vector<Component>& components,
                                const std::vector<podman::Container>& containers,
                                const std::optional<std::string>& self_id) {
    std::vector<Found> found;
    for (const auto& container : containers) {
        if (container.infra || is_worker(container, containers, self_id) ||
            (self_id && container.id == *self_id))
            continue;
        Found each{.writer = {.id = container.id, .name = container.name}, .components = {}};
        for (std::size_t i = 0; i < components.size(); ++i)
            if (writes(container, components[i])) {
                each.components.push_back(i);
                each.writer.components.push_back(components[i].name);
            }
        if (!each.components.empty())
            found.push_back(std::move(each));
    }
    std::sort(found.begin(), found.end(),
              [](const Found& one, const Found& other) { return one.writer.name < other.writer.name; });
    return found;
}

bool before(const Component& one, const Component& other) {
    return std::tie(one.priority, one.name) < std::tie(other.priority, other.name);
}

std::string name_for(const Group& group) {
    std::set<std::string> named;
    for (const auto& member : group.members)
        if (!member.group.empty())
            named.insert(member.group);
    std::string text;
    if (named.empty())
        for (const auto& member : group.members)
            text += (text.empty() ? "" : "+") + member.name;
    for (const auto& name : named)
        text += (text.empty() ? "" : "+") + name;
    return text;
}

bool reaches(const podman::Mount& mount, const Component& component) {
    const auto& source = component.source;
    if (mount.type == "volume" && source.kind == Source::Kind::volume && mount.name == source.volume)
        return true;
    return overlap(mount.source, source.path) ||
           std::any_of(source.aliases.begin(), source.aliases.end(),
                       [&](const std::string& alias) { return overlap(mount.source, alias); });
}

} // namespace

bool writes(const podman::Container& container, const Component& component) {
    return std::any_of(container.mounts.begin(), container.mounts.end(), [&](const podman::Mount& mount) {
        // An overlay mount keeps what is written to itself.
        const bool overlaid =
            std::find(mount.options.begin(), mount.options.end(), "O") != mount.options.end();
        return mount.writable && !overlaid && reaches(mount, component);
    });
}

std::vector<Group> group(const std::vector<Component>& components,
                         const std::vector<podman::Container>& containers,
                         const std::optional<std::string>& self_id) {
    const auto writers = find_writers(components, containers, self_id);
    Parts parts(components.size());
    for (const auto& each : writers)
        for (const auto component : each.components)
            parts.join(each.components.front(), component);
    for (std::size_t i = 0; i < components.size(); ++i)
        for (std::size_t j = i + 1; j < components.size(); ++j)
            if (!components[i].group.empty() && components[i].group == components[j].group)
                parts.join(i, j);

    std::map<std::size_t, Group> groups;
    for (std::size_t i = 0; i < components.size(); ++i)
        groups[parts.first(i)].members.push_back(components[i]);
    for (const auto& each : writers)
        groups[parts.first(each.components.front())].writers.push_back(each.writer);

    std::vector<Group> result;
    for (auto& [first, each] : groups) {
        std::sort(each.members.begin(), each.members.end(), before);
        each.name = name_for(each);
        result.push_back(std::move(each));
    }
    std::sort(result.begin(), result.end(), [](const Group& one, const Group& other) {
        return before(one.members.front(), other.members.front());
    });
    return result;
}

} // namespace miraclemax::component
