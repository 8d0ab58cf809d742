#include "component/own.hpp"

#include "component/paths.hpp"

namespace miraclemax::component {
namespace {

const podman::Container* find_self(const Facts& facts) {
    for (const auto& each : facts.containers)
        if (facts.self_id && each.id == *facts.self_id)
            return &each;
    return nullptr;
}

} // namespace

Own own_of(const Facts& facts) {
    Own own;
    const auto* const self = find_self(facts);
    for (const auto& given : facts.own_folders) {
        const auto folder = normalised(given);
        if (!facts.self_id)
            own.paths.push_back(folder);
        const podman::Mount* best = nullptr;
        if (self != nullptr)
            for (const auto& mount : self->mounts)
                if (contains(mount.destination, folder) &&
                    (best == nullptr || mount.destination.size() > best->destination.size()))
                    best = &mount;
        if (best == nullptr)
            continue;
        if (best->type == "volume")
            own.volumes.insert(best->name);
        const auto inner = folder.substr(normalised(best->destination).size());
        if (best->source.starts_with('/'))
            own.paths.push_back(normalised(best->source + "/" + inner));
    }
    return own;
}

std::optional<std::string> claim(const Own& own, const Source& source) {
    if (source.kind == Source::Kind::volume && own.volumes.contains(source.volume))
        return "it holds miraclemax's own state or backups, which are never part of a backup";
    for (const auto& path : own.paths)
        if (overlap(path, source.path))
            return "it overlaps " + path +
                   ", miraclemax's own state or backups, which are never part of a backup";
    return std::nullopt;
}

} // namespace miraclemax::component
