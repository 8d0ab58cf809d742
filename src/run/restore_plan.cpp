#include "run/restore_plan.hpp"

#include "component/bound_volume.hpp"
#include "component/paths.hpp"
#include "error.hpp"
#include "run/unpacking.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace miraclemax::run {
namespace {

using catalog::ComponentRecord;
using component::Component;
using component::Source;

bool asked_for(const RestoreRequest& request, const std::string& name) {
    return request.components.empty() ||
           std::find(request.components.begin(), request.components.end(), name) != request.components.end();
}

RestoreItem item_of(const catalog::Manifest& manifest, const ComponentRecord& record) {
    return {.id = manifest.id,
            .from = manifest.began,
            .record = record,
            .target = {},
            .refusal = {},
            .remedy = {}};
}

// The newest archive that is whole; where none is, the newest there is.
std::optional<RestoreItem> newest(const std::vector<catalog::Record>& records, const std::string& name) {
    std::optional<RestoreItem> second; // a safety backup holds what somebody wanted to be rid of
    for (auto record = records.rbegin(); record != records.rend(); ++record) {
        if (!record->manifest || record->manifest->safety)
            continue;
        for (const auto& each : record->manifest->components) {
            if (each.name != name)
                continue;
            if (each.complete)
                return item_of(*record->manifest, each);
            if (!second)
                second = item_of(*record->manifest, each);
        }
    }
    return second;
}

// What the host consists of: the components of the newest whole-host backup, and of all since.
std::set<std::string> current_names(const std::vector<catalog::Record>& records) {
    std::set<std::string> names;
    bool whole_seen = false;
    for (auto record = records.rbegin(); record != records.rend(); ++record) {
        if (!record->manifest || record->manifest->safety)
            continue;
        for (const auto& each : record->manifest->components)
            if (!whole_seen || each.optional) // optional ones are not in every run
                names.insert(each.name);
        if (!whole_seen) // what failed then has an older archive
            for (const auto& each : record->manifest->failed)
                names.insert(each.name);
        whole_seen = whole_seen || !record->manifest->partial;
    }
    return names;
}

std::vector<RestoreItem> choose_latest(const catalog::Catalog& catalog, const RestoreRequest& request,
                                       std::vector<std::string>& warnings) {
    const auto records = catalog.records();
    const bool any =
        std::any_of(records.begin(), records.end(), [](const auto& each) { return each.manifest; });
    if (!any)
        throw Error(ExitCode::not_found, "there is no backup to restore",
                    "does the backup folder hold the backups? `miraclemax list`");
    for (const auto& record : records)
        if (!record.manifest)
            warnings.push_back("backup " + record.id +
                               " can't be read and is passed over: " + record.trouble);
    const auto current = current_names(records);
    const std::vector<std::string> names(request.components.empty()
                                             ? std::vector<std::string>(current.begin(), current.end())
                                             : request.components);
    std::vector<RestoreItem> items;
    for (const auto& name : names) {
        if (auto found = newest(records, name))
            items.push_back(std::move(*found));
        else if (request.components.empty())
            warnings.push_back(name + " can't be restored: no backup holds it, it failed in every run");
        else
            throw Error(ExitCode::not_found, "no backup holds a component " + name,
                        "`miraclemax list` and `miraclemax show ID` tell what there is");
    }
    return items;
}

std::vector<RestoreItem> choose_from(const catalog::Catalog& catalog, const RestoreRequest& request) {
    const auto record = catalog.find(request.backup);
    if (!record.manifest)
        throw Error(ExitCode::damaged, "the manifest of " + record.id + " can't be read: " + record.trouble,
                    "use another backup (`miraclemax list`)");
    std::vector<RestoreItem> items;
    std::set<std::string> found;
    for (const auto& each : record.manifest->components)
        if (asked_for(request, each.name)) {
            items.push_back(item_of(*record.manifest, each));
            found.insert(each.name);
        }
    for (const auto& name : request.components)
        if (found.count(name) == 0)
            throw Error(ExitCode::not_found, "backup " + record.id + " holds no component " + name,
                        "`miraclemax show " + record.id +
                            "` tells what it holds; --latest finds the newest of each");
    return items;
}

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
    if (!request.into.empty() && request.components.size() != 1)
        throw Error(ExitCode::usage, "--into takes one component", "name it: --component NAME");
    if (!request.only.empty() && request.components.size() != 1)
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
    auto items = request.backup.empty() ? choose_latest(catalog, request, plan.warnings)
                                        : choose_from(catalog, request);
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
