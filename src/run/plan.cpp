#include "run/plan.hpp"

#include "error.hpp"
#include "run/emptied.hpp"
#include "run/placement.hpp"
#include "run/ready_hooks.hpp"

#include <algorithm>
#include <set>

namespace miraclemax::run {
namespace {

using component::Component;
using component::Encryption;

std::string join(const std::vector<std::string>& words) {
    std::string text;
    for (const auto& word : words)
        text += (text.empty() ? "" : ", ") + word;
    return text;
}

void require_known(const Request& request, const component::Discovery& found) {
    std::set<std::string> known;
    for (const auto& each : found.components)
        known.insert(each.name);
    for (const auto& each : found.problems)
        known.insert(each.component);
    for (const auto& wanted : request.components)
        if (!known.contains(wanted))
            throw Error(ExitCode::not_found, "no component is called \"" + wanted + "\"",
                        known.empty() ? "label a volume first"
                                      : "there are: " + join({known.begin(), known.end()}));
}

// Keeps what was asked for; tells why the rest stays out.
std::vector<Component> select(const std::vector<Component>& components, const Request& request,
                              std::vector<component::Excluded>& excluded) {
    std::vector<Component> selected;
    for (const auto& each : components) {
        const bool named = std::find(request.components.begin(), request.components.end(), each.name) !=
                           request.components.end();
        if (!request.components.empty() && !named)
            excluded.push_back({.what = "component " + each.name, .why = "not asked for"});
        else if (each.optional && !request.full && !named)
            excluded.push_back({.what = "component " + each.name, .why = "optional: only with --full"});
        else
            selected.push_back(each);
    }
    return selected;
}

void decide_encryption(PlannedComponent& planned, const Keys& keys, std::vector<std::string>& warnings) {
    const auto policy = planned.component.encryption;
    if (policy == Encryption::never)
        return;
    if (keys.usable()) {
        planned.encrypted = true;
    } else if (keys.configured) {
        planned.refusal = "the encryption key can't be used: " + join(keys.problems);
        planned.remedy = "`miraclemax check` shows every key with its remedy";
    } else if (policy == Encryption::required) {
        planned.refusal = "encryption is required and no recipient is configured";
        planned.remedy = "put a public key into the key folder, or configure encryption.recipients";
    } else {
        warnings.push_back(planned.component.name + " is stored unencrypted: no recipient is configured");
    }
}

quiesce::FreezePlan freeze_of(const Settings& settings, const Host& host, const component::Group& group) {
    const auto hooks = resolve_hooks(host.containers, settings.hooks);
    auto plan = quiesce::plan_freeze(group, {.info = host.info,
                                             .containers = host.containers,
                                             .volumes = host.volumes,
                                             .self_id = host.self_id(),
                                             .hooks = hooks.hooks});
    for (const auto& writer : group.writers)
        if (const auto problem = hooks.problems.find(writer.id); problem != hooks.problems.end())
            plan.refusals.push_back(problem->second);
    return plan;
}

PlannedComponent plan_component(const Component& each, const Settings& settings, const Host& host,
                                const Keys& keys, const catalog::Catalog* catalog,
                                const std::vector<RestoreRecord>& restores,
                                std::vector<std::string>& warnings) {
    PlannedComponent planned{
        .component = each, .encrypted = false, .refusal = {}, .remedy = {}, .worker = {}, .last = {}};
    decide_encryption(planned, keys, warnings);
    if (const auto emptied = emptied_at(restores, settings, each)) {
        planned.refusal = "it does not hold its data: it " + emptied->what;
        return planned;
    }
    try {
        planned.worker = choose_place(settings, host, each).kind;
    } catch (const Error& error) {
        if (planned.refusal.empty()) {
            planned.refusal = error.what();
            planned.remedy = error.remedy();
        }
    }
    if (catalog != nullptr)
        planned.last = catalog->last_of(each.name);
    return planned;
}

} // namespace

Plan make_plan(const Settings& settings, const Host& host, const Keys& keys, const catalog::Catalog* catalog,
               const Request& request) {
    const auto facts = host.facts(settings);
    auto found = component::discover(facts);
    if (found.components.empty() && found.problems.empty())
        throw Error(ExitCode::nothing, "nothing on this host is labelled for backup",
                    component::guide(facts));
    require_known(request, found);

    Plan plan{.groups = {},
              .excluded = std::move(found.excluded),
              .problems = {},
              .warnings = std::move(found.warnings)};
    for (auto& problem : found.problems)
        if (request.components.empty() || std::find(request.components.begin(), request.components.end(),
                                                    problem.component) != request.components.end())
            plan.problems.push_back(std::move(problem));
    auto selected = select(found.components, request, plan.excluded);
    if (request.safety)
        for (auto& each : selected)
            each.exclude.clear();
    const auto restores = selected.empty() ? std::vector<RestoreRecord>() : RestoreRecords(settings).all();
    for (auto& group : component::group(selected, host.containers, host.self_id())) {
        PlannedGroup planned{.group = group, .freeze = freeze_of(settings, host, group), .members = {}};
        for (const auto& member : group.members) {
            planned.members.push_back(
                plan_component(member, settings, host, keys, catalog, restores, plan.warnings));
            if (const auto& last = planned.members.back().last)
                plan.expected_bytes += last->archive.file.size;
        }
        plan.groups.push_back(std::move(planned));
    }
    return plan;
}

PlannedGroup replan(const Settings& settings, const Host& host, const PlannedGroup& planned) {
    auto again = planned;
    std::map<std::string, component::Writer> writers;
    for (auto& part : component::group(planned.group.members, host.containers, host.self_id()))
        for (auto& writer : part.writers)
            writers.emplace(writer.name, writer);
    again.group.writers.clear();
    for (auto& [name, writer] : writers)
        again.group.writers.push_back(writer);
    again.freeze = freeze_of(settings, host, again.group);
    return again;
}

} // namespace miraclemax::run
