#include "run/restore_choice.hpp"

#include "error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace miraclemax::run {
namespace {

using catalog::ComponentRecord;

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
struct Current {
    std::set<std::string> names;
    std::string whole; // id of that backup
};

Current current_of(const std::vector<catalog::Record>& records) {
    Current current;
    for (auto record = records.rbegin(); record != records.rend(); ++record) {
        if (!record->manifest || record->manifest->safety)
            continue;
        const bool older = !current.whole.empty();
        for (const auto& each : record->manifest->components)
            if (!older || each.optional) // optional ones are not in every run
                current.names.insert(each.name);
        if (older)
            continue;
        for (const auto& each : record->manifest->failed) // what failed then has an older archive
            current.names.insert(each.name);
        if (!record->manifest->partial)
            current.whole = record->manifest->id;
    }
    return current;
}

// Its volume was deleted, or lost its label: nobody knows whether that was meant, so it is not brought back
// unasked, and not passed over in silence either.
void leave_out_the_gone(const std::vector<catalog::Record>& records, const Current& current, Choice& choice) {
    std::set<std::string> gone;
    for (const auto& record : records)
        if (record.manifest && !record.manifest->safety)
            for (const auto& each : record.manifest->components)
                if (!current.names.contains(each.name))
                    gone.insert(each.name);
    for (const auto& name : gone) {
        const auto last = newest(records, name).value();
        choice.left_out.push_back({.component = name, .id = last.id, .from = last.from});
        choice.warnings.push_back(
            fmt::format("{} is NOT restored: the newest backup of the whole host, {}, is without it (its "
                        "volume was gone, or no longer labelled); {} of {} holds it: {} brings it back",
                        name, current.whole, last.id, last.from, way_back(choice.left_out.back())));
    }
}

Choice choose_latest(const catalog::Catalog& catalog, const RestoreRequest& request) {
    const auto records = catalog.records();
    const bool any =
        std::any_of(records.begin(), records.end(), [](const auto& each) { return each.manifest; });
    if (!any)
        throw Error(ExitCode::not_found, "there is no backup to restore",
                    "does the backup folder hold the backups? `miraclemax list`");
    Choice choice;
    for (const auto& record : records)
        if (!record.manifest)
            choice.warnings.push_back("backup " + record.id +
                                      " can't be read and is passed over: " + record.trouble);
    const auto current = current_of(records);
    const bool all = request.components.empty();
    for (const auto& name : all ? std::vector<std::string>(current.names.begin(), current.names.end())
                                : unique(request.components)) {
        if (auto found = newest(records, name))
            choice.items.push_back(std::move(*found));
        else if (all)
            choice.warnings.push_back(name +
                                      " can't be restored: no backup holds it, it failed in every run");
        else
            throw Error(ExitCode::not_found, "no backup holds a component " + name,
                        "`miraclemax list` and `miraclemax show ID` tell what there is");
    }
    if (all)
        leave_out_the_gone(records, current, choice);
    return choice;
}

Choice choose_from(const catalog::Catalog& catalog, const RestoreRequest& request) {
    const auto record = catalog.find(request.backup);
    if (!record.manifest)
        throw Error(ExitCode::damaged, "the manifest of " + record.id + " can't be read: " + record.trouble,
                    "use another backup (`miraclemax list`)");
    const auto& asked = request.components;
    Choice choice;
    std::set<std::string> found;
    for (const auto& each : record.manifest->components)
        if (asked.empty() || std::find(asked.begin(), asked.end(), each.name) != asked.end()) {
            choice.items.push_back(item_of(*record.manifest, each));
            found.insert(each.name);
        }
    for (const auto& name : asked)
        if (!found.contains(name))
            throw Error(ExitCode::not_found, "backup " + record.id + " holds no component " + name,
                        "`miraclemax show " + record.id +
                            "` tells what it holds; --latest finds the newest of each");
    return choice;
}

} // namespace

std::string way_back(const LeftOut& left_out) {
    return "`miraclemax restore --component " + left_out.component + "`";
}

std::vector<std::string> unique(const std::vector<std::string>& names) {
    std::vector<std::string> once;
    for (const auto& name : names)
        if (std::find(once.begin(), once.end(), name) == once.end())
            once.push_back(name);
    return once;
}

std::vector<Chosen> chosen_by(const RestorePlan& plan, const catalog::Catalog& catalog) {
    std::vector<Chosen> all;
    for (const auto& record : catalog.records()) {
        Chosen chosen{.id = record.id, .components = {}};
        for (const auto& group : plan.groups)
            for (const auto& item : group.items)
                if (item.id == record.id)
                    chosen.components.push_back(item.record.name);
        if (chosen.components.empty())
            continue;
        if (record.manifest && record.manifest->components.size() == chosen.components.size())
            chosen.components.clear();
        all.push_back(std::move(chosen));
    }
    return all;
}

Choice choose_archives(const catalog::Catalog& catalog, const RestoreRequest& request) {
    return request.backup.empty() ? choose_latest(catalog, request) : choose_from(catalog, request);
}

} // namespace miraclemax::run
