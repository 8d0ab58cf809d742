#include "serve/teller.hpp"

#include <algorithm>
#include <set>

namespace miraclemax::serve {
namespace {

using namespace std::chrono_literals;
using telemetry::Said;
using telemetry::Stale;

// What a run makes good that begins at once, as after the host was off or asleep, is no news.
constexpr auto patience = 10min;
constexpr auto longest_run = 6h; // one that goes on for longer makes nothing good
constexpr std::size_t most_told = 1200;
// A clock that says less was never set.
constexpr auto set_clock = std::chrono::sys_days(std::chrono::January / 1 / 2024);

bool holds(const std::vector<std::string>& list, const std::string& word) {
    return std::find(list.begin(), list.end(), word) != list.end();
}

// Of what was there before the first look the newest of each kind is told.
void begin(Said& said, const std::vector<run::Ended>& ended) {
    if (said.begun)
        return;
    said.begun = true;
    std::set<std::string> kinds;
    for (auto each = ended.rbegin(); each != ended.rend(); ++each)
        if (!kinds.insert(each->told.kind).second)
            said.told.push_back(each->told.name);
}

// Of records that are gone nothing needs to be known.
void trim(Said& said, const std::vector<run::Ended>& ended) {
    if (said.told.size() <= most_told)
        return;
    std::set<std::string> there;
    for (const auto& each : ended)
        there.insert(each.told.name);
    std::erase_if(said.told, [&](const std::string& name) { return there.count(name) == 0; });
}

void note_first_look(Said& said, telemetry::Time now) {
    if (said.since < set_clock || said.since > now)
        said.since = now < set_clock ? telemetry::Time{} : now;
}

bool was_never_backed_up(const telemetry::Status& status) {
    return status.runs.empty() && !status.last_success &&
           std::none_of(status.components.begin(), status.components.end(),
                        [](const auto& each) { return each.last_good.has_value(); });
}

// All that is stale now, told or not.
std::vector<Stale> all_stale(const Teller::Scene& scene, const Said& said) {
    const auto& status = scene.status;
    std::vector<Stale> stale;
    for (const auto& problem : status.problems)
        if (problem.alert == "BackupStale") {
            stale.push_back({.component = problem.component,
                             .text = problem.text,
                             .last_good = problem.component.empty() ? status.last_success : std::nullopt});
            for (const auto& component : status.components)
                if (component.name == problem.component)
                    stale.back().last_good = component.last_good;
        }
    const bool unread =
        std::any_of(status.tiers.begin(), status.tiers.end(), [](const auto& tier) { return !tier.ok; });
    if (was_never_backed_up(status) && !unread && said.since >= set_clock &&
        status.now - said.since > scene.stale_after)
        stale.push_back({.component = "", .text = "there is no backup yet", .last_good = std::nullopt});
    return stale;
}

} // namespace

std::vector<Stale> Teller::stale(const Scene& scene, const Said& said) {
    const auto now = scene.status.now;
    const auto& under_way = scene.status.under_way;
    const bool may_mend = under_way && now - *under_way < longest_run;
    auto all = all_stale(scene, said);
    std::map<std::string, telemetry::Time> seen;
    for (const auto& each : all) {
        const auto before = stale_since_.find(each.component);
        seen[each.component] = before != stale_since_.end() && before->second <= now ? before->second : now;
    }
    stale_since_ = std::move(seen);
    std::erase_if(all, [&](const Stale& each) {
        return !holds(said.stale, each.component) &&
               (may_mend || now - stale_since_.at(each.component) < patience);
    });
    return all;
}

void Teller::tell(const Scene& scene, const Printed& printed, telemetry::Outbox& outbox) {
    const SaidFile file(scene.settings.state / "said.json");
    auto said = file.read();
    const auto before = said;
    const auto ended = run::ended_runs(scene.settings, scene.status);
    begin(said, ended);
    note_first_look(said, scene.status.now);
    telemetry::News news{
        .status = scene.status, .runs = {}, .stale = stale(scene, said), .runbook = scene.runbook};
    for (const auto& each : ended) {
        if (holds(said.told, each.told.name))
            continue;
        const auto lines = printed(each);
        if (!lines)
            break;
        news.runs.push_back(each.told);
        news.runs.back().log = scene.log + *lines;
    }
    for (const auto& message : telemetry::messages_for(news, said))
        outbox.put(message);
    trim(said, ended);
    if (!(said == before))
        file.write(said);
}

} // namespace miraclemax::serve
