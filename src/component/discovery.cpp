#include "component/discovery.hpp"

#include "component/bound_volume.hpp"
#include "component/own.hpp"
#include "component/paths.hpp"
#include "component/settle.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

namespace miraclemax::component {
namespace {

std::string what_of(const Component& component) {
    return component.source.kind == Source::Kind::volume ? "volume " + component.source.volume
                                                         : "path " + component.source.path;
}

// Parts our own folders from the candidates.
std::vector<Candidate> without_own(std::vector<Candidate> all, const Own& own, Discovery& found) {
    std::vector<Candidate> rest;
    for (auto& candidate : all) {
        const auto reason = claim(own, candidate.source);
        const auto named = [](const Saying& each) {
            return each.from != Saying::From::volume || each.choice.backup.has_value();
        };
        const auto off = [](const Saying& each) {
            return each.choice.backup == "false" || each.choice.backup == "False";
        };
        if (!reason)
            rest.push_back(std::move(candidate));
        else if (std::none_of(candidate.sayings.begin(), candidate.sayings.end(), named) ||
                 off(candidate.sayings.front()))
            found.excluded.push_back({candidate.what(), *reason});
        else
            found.problems.push_back({candidate.name(), candidate.what() + " can't be backed up: " + *reason,
                                      "leave it out (" + candidate.sayings.front().whose + ")"});
    }
    return rest;
}

void fail_clashes(Discovery& found, std::set<const Component*>& failed) {
    std::map<std::string, std::vector<const Component*>> claimants;
    for (const auto& each : found.components)
        claimants[each.name].push_back(&each);
    for (const auto& [name, each] : claimants) {
        if (each.size() < 2)
            continue;
        std::string who;
        for (const auto* one : each)
            who += (who.empty() ? "" : " and ") + what_of(*one) + " (" + one->selected_by + ")";
        for (const auto* one : each)
            failed.insert(one);
        found.problems.push_back(
            {name, "the name " + name + " is claimed by " + who, "give each its own name with `component`"});
    }
}

void fail_overlaps(Discovery& found, std::set<const Component*>& failed) {
    for (std::size_t i = 0; i < found.components.size(); ++i)
        for (std::size_t j = i + 1; j < found.components.size(); ++j) {
            const auto& one = found.components[i];
            const auto& other = found.components[j];
            if (!overlap(one.source.path, other.source.path))
                continue;
            const auto what = what_of(one) + " (" + one.source.path + ") and " + what_of(other) + " (" +
                              other.source.path + ") overlap";
            const std::string remedy = "back up the one or the other";
            found.problems.push_back({one.name, what, remedy});
            if (other.name != one.name)
                found.problems.push_back({other.name, what, remedy});
            failed.insert(&one);
            failed.insert(&other);
        }
}

void drop(Discovery& found, const std::set<const Component*>& failed) {
    std::vector<Component> kept;
    for (auto& each : found.components)
        if (!failed.contains(&each))
            kept.push_back(std::move(each));
    found.components = std::move(kept);
}

// podman clears both marks when it mounts a local volume for the first time. A volume with options may have
// data that podman never touched (a folder, an NFS share).
void note_facts(const Facts& facts, Component& component) {
    auto& source = component.source;
    for (const auto& volume : facts.volumes) {
        const auto device = bound_device(volume);
        if (device && overlap(*device, source.path) && !volume.mountpoint.empty())
            source.aliases.push_back(normalised(volume.mountpoint));
        if (source.kind == Source::Kind::volume && volume.name == source.volume)
            source.never_mounted = source.plain() && volume.needs_copy_up && volume.needs_chown &&
                                   user_of(volume, facts.containers) == nullptr;
    }
}

} // namespace

const podman::Container* user_of(const podman::Volume& volume,
                                 const std::vector<podman::Container>& containers) {
    for (const auto& container : containers)
        for (const auto& mount : container.mounts)
            if ((mount.type == "volume" && mount.name == volume.name) ||
                contains(volume.mountpoint, mount.source))
                return &container;
    return nullptr;
}

Discovery discover(const Facts& facts) {
    Discovery found;
    auto candidates = collect(facts);
    found.problems = std::move(candidates.problems);
    found.warnings = std::move(candidates.warnings);
    for (const auto& candidate : without_own(std::move(candidates.all), own_of(facts), found))
        settle(candidate, facts.encryption_default, found);

    std::set<const Component*> failed;
    fail_clashes(found, failed);
    fail_overlaps(found, failed);
    drop(found, failed);
    for (auto& component : found.components)
        note_facts(facts, component);

    std::sort(found.components.begin(), found.components.end(),
              [](const Component& one, const Component& other) {
                  return std::tie(one.priority, one.name) < std::tie(other.priority, other.name);
              });
    std::sort(found.excluded.begin(), found.excluded.end(),
              [](const Excluded& one, const Excluded& other) { return one.what < other.what; });
    return found;
}

} // namespace miraclemax::component
