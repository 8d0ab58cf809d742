#include "cli/restore_report.hpp"

#include "cli/text.hpp"
#include "run/in_place_plan.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <ostream>

namespace miraclemax::cli {
namespace {

using nlohmann::json;

std::string dumped(const json& value) {
    return value.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

std::string place_of(const run::RestoreItem& item) {
    const auto& source = item.target.source;
    if (source.volume.empty())
        return "folder " + source.path;
    return (item.new_volume ? "new volume " : "volume ") + source.volume;
}

std::string size_of(const run::RestoreItem& item, const std::string& only) {
    const auto all = bytes_text(item.record.entries.bytes);
    return only.empty() ? all : "only " + only + " of " + all;
}

// The longest that podman waits for any of them; they stop one stage after the other.
std::string downtime_text(const quiesce::FreezePlan& plan) {
    std::chrono::seconds most{0};
    for (const auto& stage : plan.stages) {
        std::chrono::seconds longest{0};
        for (const auto& step : stage)
            longest = std::max(longest, step.stop_timeout);
        most += longest;
    }
    return fmt::format("down only for stopping (at most {} s), renaming and starting, whatever the size",
                       most.count());
}

void print_group(const run::RestoreGroup& group, const std::string& only, bool containers_known,
                 std::ostream& out) {
    for (const auto& item : group.items) {
        const auto& record = item.record;
        out << line(fmt::format("  {:<20} {:<8} from {} ({}), {}, {}, to {}", record.name, record.priority,
                                item.id, item.from, size_of(item, only),
                                record.archive.encryption == "none" ? "not encrypted" : "encrypted",
                                place_of(item)));
        if (!item.in_place.empty())
            out << line(fmt::format("    in place: a safety backup first, stopped for as long as the "
                                    "unpacking takes ({})",
                                    item.in_place));
        if (!item.refusal.empty())
            out << line(fmt::format("    CAN'T BE RESTORED: {}{}", item.refusal,
                                    item.remedy.empty() ? "" : " (" + item.remedy + ")"));
    }
    if (!containers_known)
        return;
    const bool in_place = std::any_of(group.items.begin(), group.items.end(),
                                      [](const auto& item) { return !item.in_place.empty(); });
    const auto stopped = group.stop.frozen();
    if (stopped.empty())
        out << "    no running container uses it: nothing is stopped\n";
    else
        out << line(
            fmt::format("    stops and starts again: {}; {}", join(stopped),
                        in_place ? "down for as long as the unpacking takes" : downtime_text(group.stop)));
    for (const auto& refusal : group.stop.refusals)
        out << line("    CAN'T BE RESTORED: " + refusal + " (stop it yourself, restore, and start it again)");
    for (const auto& note : group.stop.notes)
        out << line("    " + note);
}

json plan_json(const run::RestorePlan& plan, const std::string& only) {
    json components = json::array(), left_out = json::array();
    for (const auto& each : plan.left_out)
        left_out.push_back({{"component", each.component}, {"backup", each.id}, {"from", each.from}});
    for (const auto& group : plan.groups) {
        for (const auto& item : group.items)
            components.push_back({{"component", item.record.name},
                                  {"priority", item.record.priority},
                                  {"backup", item.id},
                                  {"from", item.from},
                                  {"bytes", item.record.entries.bytes},
                                  {"stored", item.record.archive.file.size},
                                  {"volume", item.target.source.volume},
                                  {"path", item.target.source.path},
                                  {"creates_volume", item.new_volume},
                                  {"stops", group.stop.frozen()},
                                  {"refusals", group.stop.refusals},
                                  {"in_place", !item.in_place.empty()},
                                  {"in_place_why", item.in_place},
                                  {"refusal", item.refusal}});
    }
    return {{"event", "plan"},
            {"components", components},
            {"only", only},
            {"left_out", left_out},
            {"warnings", plan.warnings},
            {"no_podman", plan.no_podman},
            {"feasible", plan.feasible()}};
}

std::string unpacked_text(const run::RestoredItem& item, bool rehearsal) {
    const auto& all = item.unpacked;
    auto text =
        fmt::format("{}: {}, {}, {}", item.component, plural(all.entries, "entry"), bytes_text(all.bytes),
                    rehearsal ? "read to the end, as in its inventory" : "restored from " + item.id);
    const auto add = [&](std::uint64_t count, const char* what) {
        if (count > 0)
            text += fmt::format(", {} {}", count, what);
    };
    add(all.withheld.devices, "device nodes could not be made");
    add(all.withheld.owners, "owners could not be set");
    add(all.withheld.attributes, "attributes could not be set");
    return text;
}

json item_json(const run::RestoredItem& item) {
    return {{"component", item.component},
            {"backup", item.id},
            {"ok", item.ok()},
            {"entries", item.unpacked.entries},
            {"bytes", item.unpacked.bytes},
            {"withheld",
             {{"devices", item.unpacked.withheld.devices},
              {"owners", item.unpacked.withheld.owners},
              {"attributes", item.unpacked.withheld.attributes}}},
            {"left_in_place", item.left_in_place},
            {"safety_backup", item.safety},
            {"put_back", item.put_back},
            {"failure", item.failure},
            {"remedy", item.remedy}};
}

// After a failure.
std::string state_of(const run::RestoredItem& item) {
    return item.put_back ? "; it holds its old data again, out of the safety backup " + item.safety
                         : "; it is as it was";
}

void print_item(const run::RestoredItem& item, bool rehearsal, std::ostream& out) {
    if (!item.ok()) {
        out << line(fmt::format("{}: FAILED: {}{}{}", item.component, item.failure,
                                item.remedy.empty() ? "" : " (" + item.remedy + ")",
                                rehearsal ? "" : state_of(item)));
        return;
    }
    out << line(unpacked_text(item, rehearsal));
    for (const auto& name : item.unpacked.names)
        out << line("    " + name);
    for (const auto& name : item.left_in_place)
        out << line("    a mount point, left as it is: " + name);
    if (!item.safety.empty())
        out << line(
            fmt::format("    its old data is in the safety backup {}, which is pinned (`keep --off {}` "
                        "lets it go): `miraclemax restore --from-backup {} --component {}`",
                        item.safety, item.safety, item.safety, item.component));
}

} // namespace

bool needs_keys(const run::RestorePlan& plan) {
    for (const auto& group : plan.groups)
        for (const auto& item : group.items)
            if (item.record.archive.encryption != "none")
                return true;
    return false;
}

void print_restore_plan(const run::RestorePlan& plan, const run::RestoreRequest& request, bool as_json,
                        std::ostream& out) {
    if (as_json) {
        out << dumped(plan_json(plan, request.only)) << std::flush;
        return;
    }
    out << line(
        fmt::format("restore: {} to read, {} of content", bytes_text(plan.stored), bytes_text(plan.content)));
    for (const auto& group : plan.groups)
        print_group(group, request.only, plan.no_podman.empty(), out);
    if (!plan.no_podman.empty())
        out << line("  no container is looked for or stopped: " + plan.no_podman);
    for (const auto& warning : plan.warnings)
        out << line("  warning: " + warning);
    if (!request.beside())
        out << (run::any_in_place(plan)
                    ? "  what is there now, where it is not said otherwise, is moved aside, "
                    : "  what is there now is moved aside, ")
            << "and kept until the next good backup (`restore --undo`)\n";
    out << std::flush;
}

void print_restore_result(const run::RestoreResult& result, bool rehearsal, bool as_json, std::ostream& out) {
    if (as_json) {
        json items = json::array(), health = json::array(), downtimes = json::array();
        for (const auto& each : result.items)
            items.push_back(item_json(each));
        for (const auto& each : result.health)
            health.push_back({{"container", each.container}, {"ok", each.good}, {"what", each.what}});
        for (const auto& each : result.downtimes)
            downtimes.push_back(each.time.count());
        out << dumped({{"event", "ended"},
                       {"run", result.run},
                       {"rehearsal", rehearsal},
                       {"components", items},
                       {"downtime_milliseconds", downtimes},
                       {"health", health},
                       {"unreleased", result.unreleased},
                       {"rolled_back", result.rolled_back},
                       {"exit_code", static_cast<int>(result.code)}});
        return;
    }
    for (const auto& item : result.items)
        print_item(item, rehearsal, out);
    for (const auto& each : result.unreleased)
        out << "CONTAINERS ARE NOT AS THEY WERE: " << line(each);
    if (result.rolled_back)
        out << "unhealthy: the old data was put back, as asked\n";
    if (result.code == ExitCode::ok)
        out << (rehearsal ? "everything could be restored: nothing was changed\n" : "restored\n");
    else if (result.code == ExitCode::unhealthy && !result.rolled_back)
        out << "restored, but a container did not come up well: `miraclemax restore --undo` puts the old "
               "data back\n";
}

void print_left_out(const std::vector<run::LeftOut>& left_out, std::ostream& out) {
    for (const auto& each : left_out)
        out << line(fmt::format("NOT among them: {}, of {} ({}): {}", each.component, each.id, each.from,
                                run::way_back(each)));
}

void print_way_back(const std::vector<std::string>& components, bool undone, bool as_json,
                    std::ostream& out) {
    if (as_json)
        out << dumped({{"event", "ended"},
                       {"act", undone ? "undo" : "discard_old"},
                       {"components", components},
                       {"exit_code", 0}});
    else if (undone)
        out << line(join(components) + (components.size() == 1 ? " holds" : " hold") +
                    " the data from before the restore again");
    else
        out << line("removed what lay aside of " + join(components));
}

} // namespace miraclemax::cli
