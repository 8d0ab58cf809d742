#include "run/restore_plan.hpp"

#include "component/bound_volume.hpp"
#include "component/paths.hpp"
#include "error.hpp"
#include "run/restore_choice.hpp"
#include "run/unpacking.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace miraclemax::run {
namespace {

using component::Component;
using component::Source;

const podman::Volume* find_volume(const Host& host, const std::string& name) {
    for (const auto& each : host.volumes)
        if (each.name == name)
            return &each;
    return nullptr;
}

Source volume_source(const Host& host, const std::string& name) {
    Source source{.kind = Source::Kind::volume, .volume = name};
    if (const auto* volume = find_volume(host, name)) {
        source.path = component::data_path(*volume);
        source.driver = volume->driver;
        source.created_at = volume->created_at;
        source.options = volume->options;
        if (volume->mountpoint != source.path && !volume->mountpoint.empty())
            source.aliases.push_back(volume->mountpoint);
    }
    return source;
}

void set_target(RestoreItem& item, const Host& host, const RestoreRequest& request) {
    auto& target = item.target;
    target.name = item.record.name;
    target.category = item.record.category;
    target.priority = component::priority_from(item.record.priority).value_or(component::Priority::medium);
    target.quiesce = component::Quiesce::stop;
    target.group = item.record.freeze.group; // what was frozen together is swapped together
    const auto& was = item.record.source;
    const bool single = is_single_file(item.record);
    if (!request.into.empty()) {
        target.source = volume_source(host, request.into);
        item.new_volume = true;
        if (find_volume(host, request.into) != nullptr) {
            item.refusal = "there is a volume " + request.into + " already";
            item.remedy = "name a new one: --into never touches what is there";
        }
        if (single) {
            item.refusal = "it is a single file";
            item.remedy = "use --to FOLDER";
        }
    } else if (!request.to.empty()) {
        target.source.kind = Source::Kind::path;
        target.source.path = component::normalised(request.to + "/" + item.record.name);
        if (single)
            target.source.path += "/" + component::last_part(was.path);
    } else if (was.kind == "volume") {
        target.source = volume_source(host, was.volume);
        item.new_volume = host.no_podman.empty() && target.source.created_at.empty();
    } else {
        target.source.kind = Source::Kind::path;
        target.source.path = was.path;
    }
}

void check_wishes(const RestoreRequest& request) {
    if (!request.into.empty() && !request.to.empty())
        throw Error(ExitCode::usage, "--into and --to exclude each other", "choose a volume or a folder");
    const bool one = unique(request.components).size() == 1;
    if (!request.into.empty() && !one)
        throw Error(ExitCode::usage, "--into takes one component", "name it: --component NAME");
    if (!request.only.empty() && !one)
        throw Error(ExitCode::usage, "--path takes one component", "name it: --component NAME");
    if (request.in_place && (request.beside() || !request.only.empty()))
        throw Error(ExitCode::usage, "--in-place goes with neither --into nor --to nor --path",
                    "it is for whole components that have no room for the old data and the new");
    if (request.in_place && request.rollback_on_unhealthy)
        throw Error(ExitCode::usage, "--in-place and --rollback-on-unhealthy exclude each other",
                    "in place nothing lies aside: the old data is in a safety backup, to be restored from");
    if (!request.to.empty() && !request.to.starts_with('/'))
        throw Error(ExitCode::usage, "--to " + request.to + " is not an absolute path of the host",
                    "write it in full");
    if (!request.only.empty() &&
        (request.only.starts_with('/') || component::normalised("/" + request.only) != "/" + request.only))
        throw Error(ExitCode::usage, "--path " + request.only + " is no plain path within the component",
                    "write it as `tar t` shows it, without the component's name before it");
}

void warn_of(const RestoreItem& item, const RestoreRequest& request, std::vector<std::string>& warnings) {
    const auto& record = item.record;
    if (!record.complete)
        warnings.push_back(fmt::format("{}: the archive is not whole: {} changed while read, {} unreadable",
                                       record.name, record.entries.changed, record.entries.unreadable));
    if (!record.freeze.consistent)
        warnings.push_back(record.name + ": the members of its group were not read in one freeze");
    if (record.entries.excluded > 0 && !request.beside())
        warnings.push_back(
            fmt::format("{}: {} entries were excluded from the backup; what is there now under "
                        "such names lies aside afterwards",
                        record.name, record.entries.excluded));
    if (item.new_volume && request.into.empty())
        for (const auto& option : record.source.options)
            if (option.second.find("=HIDDEN") != std::string::npos)
                warnings.push_back(record.name +
                                   ": a password in the volume's options was not kept: make the "
                                   "volume yourself first");
}

} // namespace

bool RestorePlan::feasible() const {
    return std::all_of(groups.begin(), groups.end(), [](const RestoreGroup& group) {
        return group.stop.refusals.empty() &&
               std::all_of(group.items.begin(), group.items.end(),
                           [](const RestoreItem& item) { return item.refusal.empty(); });
    });
}

ExitCode RestorePlan::code() const {
    if (feasible())
        return ExitCode::ok;
    for (const auto& group : groups)
        for (const auto& item : group.items)
            if (!item.refusal.empty() && item.refusal_code != ExitCode::failed)
                return item.refusal_code;
    return ExitCode::failed;
}

// For planning, who only reads it counts as a writer. Who has mounted a folder above it sees it move.
void replan_stop(RestoreGroup& group, const Host& host) {
    auto containers = host.containers;
    for (auto& container : containers)
        for (auto& mount : container.mounts) {
            const auto above = [&](const Component& member) {
                return mount.source != member.source.path &&
                       component::contains(mount.source, member.source.path);
            };
            if (mount.writable || std::all_of(group.group.members.begin(), group.group.members.end(), above))
                continue;
            mount.writable = true;
            std::erase(mount.options, "O");
        }
    group.group.writers.clear();
    for (auto& part : component::group(group.group.members, containers, host.self_id()))
        for (auto& writer : part.writers)
            if (std::none_of(group.group.writers.begin(), group.group.writers.end(),
                             [&](const auto& known) { return known.id == writer.id; }))
                group.group.writers.push_back(writer);
    group.stop = quiesce::plan_freeze(group.group, {.info = host.info,
                                                    .containers = containers,
                                                    .volumes = host.volumes,
                                                    .self_id = host.self_id(),
                                                    .hooks = {}});
}

Component target_of(const RestoredComponent& restored, const Host& host) {
    Component target{.name = restored.component,
                     .quiesce = component::Quiesce::stop,
                     .group = restored.group}; // swapped together, undone together
    if (restored.volume.empty()) {
        target.source.kind = Source::Kind::path;
        target.source.path = restored.path;
    } else {
        target.source = volume_source(host, restored.volume);
    }
    return target;
}

RestorePlan plan_restore(const Host& host, const catalog::Catalog& catalog, const RestoreRequest& request) {
    check_wishes(request);
    RestorePlan plan;
    plan.no_podman = host.no_podman;
    auto [items, left_out, warnings] = choose_archives(catalog, request);
    plan.left_out = std::move(left_out);
    plan.warnings = std::move(warnings);
    std::vector<Component> targets;
    for (auto& item : items) {
        set_target(item, host, request);
        if (item.record.archive.kind != "base") {
            item.refusal = "its archive is of a kind this version doesn't know: " + item.record.archive.kind;
            item.remedy = "use the version that made it";
        }
        warn_of(item, request, plan.warnings);
        plan.stored += item.record.archive.file.size;
        plan.content += item.record.entries.bytes;
        targets.push_back(item.target);
    }
    for (auto& each : component::group(targets, host.containers, host.self_id())) {
        RestoreGroup group{.group = each, .stop = {}, .items = {}};
        for (const auto& member : each.members)
            for (const auto& item : items)
                if (item.record.name == member.name)
                    group.items.push_back(item);
        replan_stop(group, host);
        plan.groups.push_back(std::move(group));
    }
    return plan;
}

} // namespace miraclemax::run
