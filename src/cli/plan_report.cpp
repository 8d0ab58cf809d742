#include "cli/reports.hpp"

#include "cli/text.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <ostream>

namespace miraclemax::cli {
namespace {

using nlohmann::json;

json component_json(const run::PlannedComponent& member) {
    const auto& each = member.component;
    json object{{"name", each.name},
                {"category", each.category},
                {"priority", component::name_of(each.priority)},
                {"encryption", component::name_of(each.encryption)},
                {"encrypted", member.encrypted},
                {"quiesce", component::name_of(each.quiesce)},
                {"optional", each.optional},
                {"selected_by", each.selected_by},
                {"source", {{"volume", each.source.volume}, {"path", each.source.path}}},
                {"worker", member.worker},
                {"refusal", member.refusal},
                {"remedy", member.remedy}};
    if (member.last)
        object["last"] = {{"stored", member.last->archive.file.size},
                          {"bytes", member.last->entries.bytes},
                          {"ended", member.last->ended}};
    return object;
}

json step_json(const quiesce::Step& step) {
    return {
        {"container", step.name}, {"id", step.id}, {"how", quiesce::name_of(step.act)}, {"why", step.why}};
}

json plan_json(const run::Plan& plan) {
    json groups = json::array();
    for (const auto& group : plan.groups) {
        json members = json::array();
        for (const auto& member : group.members)
            members.push_back(component_json(member));
        json stages = json::array();
        for (const auto& stage : group.freeze.stages) {
            json steps = json::array();
            for (const auto& step : stage)
                steps.push_back(step_json(step));
            stages.push_back(std::move(steps));
        }
        json object{{"name", group.group.name},
                    {"components", members},
                    {"stages", stages},
                    {"refusals", group.freeze.refusals},
                    {"notes", group.freeze.notes}};
        if (group.freeze.max_freeze)
            object["max_freeze_milliseconds"] = group.freeze.max_freeze->count();
        groups.push_back(std::move(object));
    }
    json excluded = json::array();
    for (const auto& each : plan.excluded)
        excluded.push_back({{"what", each.what}, {"why", each.why}});
    json problems = json::array();
    for (const auto& each : plan.problems)
        problems.push_back({{"component", each.component}, {"what", each.what}, {"remedy", each.remedy}});
    return {{"groups", groups}, {"excluded", excluded}, {"problems", problems}, {"warnings", plan.warnings}};
}

void print_member(const run::PlannedComponent& member, std::ostream& out) {
    const auto& each = member.component;
    const auto& source = each.source;
    out << line(
        fmt::format("  {:<24} {} {}, {}, {}, {}", each.name, source.volume.empty() ? "path" : "volume",
                    source.volume.empty() ? source.path : source.volume, each.category,
                    component::name_of(each.priority), member.encrypted ? "encrypted" : "NOT encrypted"));
    out << line(fmt::format("  {:<24} selected by {}{}", "", each.selected_by,
                            member.worker.empty() ? "" : ", read by a " + member.worker + " worker"));
    if (member.last)
        out << fmt::format("  {:<24} last time {} read, {} stored\n", "",
                           bytes_text(member.last->entries.bytes),
                           bytes_text(member.last->archive.file.size));
    if (!member.refusal.empty())
        out << line(fmt::format("  {:<24} WILL FAIL: {}{}", "", member.refusal,
                                member.remedy.empty() ? "" : " (" + member.remedy + ")"));
}

void print_freeze(const quiesce::FreezePlan& freeze, std::ostream& out) {
    if (freeze.empty())
        out << "  freeze: nothing\n";
    int number = 0;
    for (const auto& stage : freeze.stages) {
        ++number;
        for (const auto& step : stage)
            out << line(fmt::format("  freeze step {}: {} {} ({})", number, quiesce::name_of(step.act),
                                    step.name, step.why));
    }
    if (freeze.max_freeze)
        out << "  freeze at most " << time_text(*freeze.max_freeze) << '\n';
    for (const auto& note : freeze.notes)
        out << "  note: " << line(note);
    for (const auto& refusal : freeze.refusals)
        out << "  WILL FAIL: " << line(refusal);
}

} // namespace

void print_plan(const run::Plan& plan, bool as_json, std::ostream& out) {
    if (as_json) {
        out << plan_json(plan).dump(2, ' ', false, json::error_handler_t::replace) << '\n';
        return;
    }
    for (const auto& group : plan.groups) {
        out << "group " << line(group.group.name);
        for (const auto& member : group.members)
            print_member(member, out);
        print_freeze(group.freeze, out);
    }
    for (const auto& each : plan.problems)
        out << line("WILL FAIL: " + each.component + ": " + each.what + " (" + each.remedy + ")");
    if (!plan.excluded.empty())
        out << "not backed up\n";
    for (const auto& each : plan.excluded)
        out << line(fmt::format("  {:<24} {}", each.what, each.why));
    for (const auto& warning : plan.warnings)
        out << "warning: " << line(warning);
}

} // namespace miraclemax::cli
