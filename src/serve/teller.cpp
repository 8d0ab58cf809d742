#include "serve/teller.hpp"

#include "run/moment.hpp"

#include <set>

namespace miraclemax::serve {
namespace {

using namespace std::chrono_literals;
using run::set_clock;
using telemetry::holds;
using telemetry::Said;
using telemetry::Stale;

// What a run makes good that begins at once, as after the host was off or asleep, is no news.
constexpr auto patience = 10min;
constexpr auto longest_run = 6h; // one that goes on for longer makes nothing good
constexpr std::size_t most_told = 1200;
constexpr std::size_t most_unkept = 50;

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

// What was said, as far as the records tell: all but the last of each kind, which is said once more.
Said rebuilt(const std::vector<run::Ended>& ended) {
    std::map<std::string, std::string> last; // run by kind
    for (const auto& each : ended)
        last[each.told.kind] = each.told.name;
    Said said{.begun = true};
    for (const auto& each : ended) {
        if (each.told.name == last[each.told.kind])
            continue;
        said.told.push_back(each.told.name);
        said.of(each.told.kind) = telemetry::alert_after(each.told);
    }
    return said;
}

// All that is stale now, told or not.
std::vector<Stale> all_stale(const telemetry::Status& status) {
    std::vector<Stale> stale;
    for (const auto& problem : status.problems)
        if (problem.alert == "BackupStale")
            stale.push_back({.component = problem.component,
                             .text = problem.text,
                             .last_good = telemetry::last_good_of(status, problem.component)});
    return stale;
}

} // namespace

std::vector<Stale> Teller::stale(const Scene& scene, const Said& said) {
    const auto now = scene.status.now;
    const auto& under_way = scene.status.under_way;
    const bool may_mend = under_way && now - *under_way < longest_run;
    auto all = all_stale(scene.status);
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

std::vector<std::string> Teller::tell(const Scene& scene, const Printed& printed, telemetry::Outbox& outbox) {
    troubles_.clear();
    const SaidFile file(scene.settings.state / "said.json");
    const auto ended = run::ended_runs(scene.settings, scene.status, scene.unwritten);
    auto said = recall(file, ended);
    const auto before = said;
    begin(said, ended);
    note_first_look(said, scene.status.now);
    since_ = said.since < set_clock ? std::nullopt : std::optional(said.since);
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
    for (auto& message : telemetry::messages_for(news, said))
        unkept_.push_back({.message = std::move(message), .done = {}});
    send(outbox);
    trim(said, ended);
    if (unsaved_ || !(said == before))
        remember(file, said);
    return std::move(troubles_);
}

Said Teller::recall(const SaidFile& file, const std::vector<run::Ended>& ended) {
    if (unsaved_)
        return *unsaved_;
    std::string damage;
    auto said = file.read(damage);
    if (damage.empty())
        return said.value_or(Said{});
    troubles_.push_back("the last runs may be told twice: " + damage);
    unsaved_ = rebuilt(ended);
    return *unsaved_;
}

void Teller::send(telemetry::Outbox& outbox) {
    bool gets_through = true; // each that does not may take a minute
    std::erase_if(unkept_, [&](Unkept& each) {
        try {
            outbox.put(each.message, each.done);
            return true;
        } catch (const std::exception& error) {
            troubles_.emplace_back(error.what());
        }
        if (!gets_through)
            return false;
        const auto failed = outbox.deliver_at_once(each.message, each.done);
        troubles_.insert(troubles_.end(), failed.begin(), failed.end());
        gets_through = failed.empty();
        return gets_through;
    });
    if (unkept_.size() > most_unkept)
        unkept_.erase(unkept_.begin(), unkept_.end() - most_unkept);
}

void Teller::remember(const SaidFile& file, const Said& said) {
    try {
        file.write(said);
        unsaved_.reset();
    } catch (const std::exception& error) {
        unsaved_ = said;
        troubles_.push_back(std::string("what was said can't be written down: ") + error.what());
    }
}

} // namespace miraclemax::serve
