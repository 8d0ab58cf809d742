#include "run/recover.hpp"

#include "error.hpp"
#include "openpgp/encryption.hpp"
#include "run/identity.hpp"
#include "run/settling_window.hpp"
#include "worker/launcher.hpp"

#include <algorithm>
#include <map>

namespace miraclemax::run {
namespace {

std::vector<Settled> settle_dead(const Settings& settings, podman::Engine& engine,
                                 const std::optional<std::string>& self_id, const Alive& alive,
                                 const std::stop_token& stop) {
    RestoreRecords records(settings);
    auto dead = all_cut_off(records, alive);
    if (dead.empty())
        return {};
    const Host host = survey(engine, self_id);
    return settle_cut_off(settings, engine, host, records, std::move(dead), alive, stop);
}

void add(quiesce::RecoveryReport& to, quiesce::RecoveryReport later) {
    std::erase_if(to.containers, [](const quiesce::Recovered& each) { return each.waits; });
    for (auto& each : later.containers)
        if (std::none_of(to.containers.begin(), to.containers.end(), [&](const quiesce::Recovered& known) {
                return known.run == each.run && known.id == each.id && known.what == each.what;
            }))
            to.containers.push_back(std::move(each));
    for (auto& warning : later.warnings)
        if (std::find(to.warnings.begin(), to.warnings.end(), warning) == to.warnings.end())
            to.warnings.push_back(std::move(warning));
    to.all_known = to.all_known && later.all_known;
}

// Nothing is waited for once no time is left.
podman::Limits limits_of(const quiesce::Haste& haste) {
    const auto left = haste.left();
    if (left == std::chrono::milliseconds::max())
        return {};
    if (left.count() == 0)
        throw Error(ExitCode::podman, "no time is left to ask podman");
    return {.all = left};
}

// As the records have them: to list volumes may take as long as it takes to mount one.
std::vector<podman::Volume> volumes_in(const std::vector<RestoreRecord>& records) {
    std::vector<podman::Volume> volumes;
    for (const auto& record : records)
        for (const auto& each : record.components)
            if (!each.volume.empty())
                volumes.push_back({.name = each.volume,
                                   .driver = "local",
                                   .mountpoint = each.path,
                                   .created_at = each.volume_created_at});
    return volumes;
}

} // namespace

bool Recovery::ok() const {
    return containers.ok() && for_podman.empty() &&
           std::all_of(data.begin(), data.end(), [](const Settled& each) { return each.ok; });
}

std::set<std::string> unsettled(const Settings& settings) {
    std::set<std::string> runs;
    for (const auto& record : RestoreRecords(settings).all()) {
        if (!record.trouble.empty())
            runs.insert(record.run);
        for (const auto& each : record.components)
            if (holds_up(record, each)) {
                runs.insert(actor(record, each));
                runs.insert(each.halted_by.begin(), each.halted_by.end());
            }
    }
    return runs;
}

bool awaits_recovery(const Settings& settings) {
    const auto left = quiesce::leftovers(settings.journals());
    const Alive alive = [&](const std::string& run) { return quiesce::alive(settings.journals(), run); };
    return std::any_of(left.begin(), left.end(),
                       [](const auto& each) { return !each.open.empty() || !each.trouble.empty(); }) ||
           !all_cut_off(RestoreRecords(settings), alive).empty();
}

quiesce::Waiting waiting(const Settings& settings, podman::Engine& engine,
                         const std::optional<std::string>& self_id) {
    return {.runs = [&settings] { return unsettled(settings); },
            .containers =
                [&settings, &engine, self_id](const quiesce::Haste& haste) {
                    const auto records = RestoreRecords(settings).all();
                    if (!any_half_moved(records))
                        return std::set<std::string>{};
                    return users_of_half_moved(
                        records, with_containers(engine, volumes_in(records), self_id, limits_of(haste)));
                }};
}

void add(Recovery& to, Recovery later) {
    std::erase_if(to.data, [&](const Settled& each) {
        return std::any_of(later.data.begin(), later.data.end(), [&](const Settled& other) {
            return other.run == each.run && other.component == each.component;
        });
    });
    std::move(later.data.begin(), later.data.end(), std::back_inserter(to.data));
    std::move(later.workers.begin(), later.workers.end(), std::back_inserter(to.workers));
    add(to.containers, std::move(later.containers));
}

Recovery recover(const Settings& settings, podman::Engine& engine, const std::optional<std::string>& self_id,
                 const std::stop_token& stop, std::chrono::milliseconds patience) {
    openpgp::Home::sweep();
    const bool any_waiting = !unsettled(settings).empty();
    const auto put_back = [&] {
        return quiesce::recover(engine, settings.journals(), {}, waiting(settings, engine, self_id));
    };
    Recovery recovery{.data = {}, .containers = put_back(), .workers = {}};
    try {
        // One at a time: a settler carries its dead run's name, and must not be swept by another recovery.
        const auto lock = RestoreRecords(settings).lock(patience);
        if (!lock) {
            if (any_waiting)
                recovery.data.push_back(in_other_hands());
            return recovery;
        }
        // Asked once a run: one whose workers were left running must not be settled under them, though it
        // be known for dead a moment later.
        std::map<std::string, bool> known;
        const Alive alive = [&](const std::string& run) {
            const auto found = known.find(run);
            return found != known.end()
                       ? found->second
                       : known.emplace(run, quiesce::alive(settings.journals(), run)).first->second;
        };
        // Before anything is settled: one of them may still be moving names.
        recovery.workers = worker::sweep_workers(engine, identity(settings), alive);
        recovery.data = settle_dead(settings, engine, self_id, alive, stop);
    } catch (const Error& error) {
        recovery.containers.warnings.push_back(
            std::string("what a dead run left could not be cleared away: ") + error.what());
        if (any_waiting)
            recovery.containers.all_known = false;
    }
    if (any_waiting)
        add(recovery.containers, put_back());
    return recovery;
}

} // namespace miraclemax::run
