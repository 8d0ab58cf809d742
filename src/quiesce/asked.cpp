#include "quiesce/asked.hpp"

namespace miraclemax::quiesce {

using component::Quiesce;

namespace {

int strength(Quiesce quiesce) {
    switch (quiesce) {
    case Quiesce::stop:
        return 3;
    case Quiesce::pause:
        return 2;
    case Quiesce::automatic:
        return 1;
    case Quiesce::none:
        break;
    }
    return 0;
}

} // namespace

Asked asked_of(const podman::Container& container, const component::Group& group) {
    Asked asked;
    const auto ask = [&](Quiesce quiesce, const std::string& by) {
        if (asked.by.empty() || strength(quiesce) > strength(asked.quiesce)) {
            asked.quiesce = quiesce;
            asked.by = by;
        }
    };
    const auto label = component::rules_of(container).quiesce;
    if (label)
        ask(*label, "label of container " + container.name);
    for (const auto& member : group.members) {
        if (!component::writes(container, member))
            continue;
        asked.mounts.push_back(member.name);
        ask(member.quiesce, "component " + member.name);
    }
    asked.label_yields = label == Quiesce::none && asked.quiesce != Quiesce::none;
    return asked;
}

} // namespace miraclemax::quiesce
