#include "run/recover.hpp"

#include "error.hpp"
#include "openpgp/encryption.hpp"
#include "run/identity.hpp"
#include "run/restore_place.hpp"
#include "worker/launcher.hpp"

#include <sys/stat.h>

#include <algorithm>

namespace miraclemax::run {
namespace {

bool moving(const RestoredComponent& each) {
    return each.step == Step::swapping || each.step == Step::undoing;
}

bool cut_off(const RestoredComponent& each) {
    return each.step == Step::staging || moving(each);
}

bool in_hand(const Settings& settings, const RestoreRecord& record, const RestoredComponent& each) {
    return quiesce::alive(settings.journals(), actor(record, each));
}

bool any_cut_off(const Settings& settings, const RestoreRecord& record) {
    if (!record.trouble.empty())
        return !quiesce::alive(settings.journals(), record.run);
    return std::any_of(
        record.components.begin(), record.components.end(),
        [&](const RestoredComponent& each) { return cut_off(each) && !in_hand(settings, record, each); });
}

// One dead restore, component by component. The settlers' sockets lie where a run's would.
class Settlement {
public:
    Settlement(const Settings& settings, podman::Engine& engine, const Host& host, RestoreRecords& records)
        : settings_(settings), engine_(engine), host_(host), records_(records) {}

    std::vector<Settled> settle(RestoreRecord record) {
        if (!record.trouble.empty())
            return {{.run = record.run, .component = "?", .what = record.trouble, .ok = false}};
        std::vector<Settled> settled;
        std::error_code trouble;
        const auto control = settings_.control() / record.run;
        std::filesystem::create_directories(settings_.control(), trouble);
        std::filesystem::create_directory(control, trouble);
        const auto components = record.components;
        for (const auto& each : components)
            if (cut_off(each) && !in_hand(settings_, record, each))
                settled.push_back(settle_one(record, each));
        std::filesystem::remove_all(control, trouble);
        return settled;
    }

private:
    Settled settle_one(RestoreRecord& record, const RestoredComponent& each) {
        try {
            if (gone(host_, each)) {
                forget(records_, record, each.component);
                return {.run = record.run, .component = each.component, .what = "is gone, with its volume"};
            }
            const auto holds =
                run::settle(settings_, engine_, host_, record.run, record, each, worker::Settling::settle);
            if (holds == archive::Holds::new_data)
                advance(records_, record, each.component, Step::swapped);
            else if (each.step == Step::undoing)
                advance(records_, record, each.component, Step::undone);
            else
                forget(records_, record, each.component);
            return {.run = record.run,
                    .component = each.component,
                    .what =
                        holds == archive::Holds::new_data
                            ? "holds the new data, whole; the old lies aside (`miraclemax restore --undo`)"
                            : "holds the old data, whole",
                    .ok = true};
        } catch (const std::exception& error) {
            return {.run = record.run,
                    .component = each.component,
                    .what = std::string("could not be put in order: ") + error.what(),
                    .ok = false};
        }
    }

    const Settings& settings_;
    podman::Engine& engine_;
    const Host& host_;
    RestoreRecords& records_;
};

std::vector<Settled> settle_dead(const Settings& settings, podman::Engine& engine,
                                 const std::optional<std::string>& self_id) {
    RestoreRecords records(settings);
    const auto any = [&] {
        const auto all = records.all();
        return std::any_of(all.begin(), all.end(),
                           [&](const RestoreRecord& each) { return any_cut_off(settings, each); });
    };
    if (!any())
        return {};
    const Host host = survey(engine, self_id);
    Settlement settlement(settings, engine, host, records);
    std::vector<Settled> settled;
    for (auto& record : records.all())
        if (any_cut_off(settings, record))
            for (auto& each : settlement.settle(std::move(record)))
                settled.push_back(std::move(each));
    return settled;
}

void add(quiesce::RecoveryReport& to, quiesce::RecoveryReport from) {
    std::move(from.containers.begin(), from.containers.end(), std::back_inserter(to.containers));
    std::move(from.warnings.begin(), from.warnings.end(), std::back_inserter(to.warnings));
    to.all_known = to.all_known && from.all_known;
}

} // namespace

bool Recovery::ok() const {
    return containers.ok() &&
           std::all_of(data.begin(), data.end(), [](const Settled& each) { return each.ok; });
}

std::set<std::string> unsettled(const Settings& settings) {
    std::set<std::string> runs;
    for (const auto& record : RestoreRecords(settings).all()) {
        if (!record.trouble.empty())
            runs.insert(record.run);
        for (const auto& each : record.components)
            if (moving(each))
                runs.insert(actor(record, each));
    }
    return runs;
}

Recovery recover(const Settings& settings, podman::Engine& engine, const std::optional<std::string>& self_id,
                 std::chrono::milliseconds patience) {
    openpgp::Home::sweep();
    const auto wait = [&] { return unsettled(settings); };
    const bool waiting = !wait().empty();
    Recovery recovery{
        .data = {}, .containers = quiesce::recover(engine, settings.journals(), {}, wait), .workers = {}};
    try {
        // One at a time: a settler carries its dead run's name, and must not be swept by another recovery.
        const auto lock = RestoreRecords(settings).lock(patience);
        if (!lock) {
            if (waiting)
                recovery.data.push_back({.run = "?",
                                         .component = "?",
                                         .what = "is being put in order by another process",
                                         .ok = false});
            return recovery;
        }
        // Before anything is settled: one of them may still be moving names.
        recovery.workers = worker::sweep_workers(engine, identity(settings), [&](const std::string& run) {
            return quiesce::alive(settings.journals(), run);
        });
        recovery.data = settle_dead(settings, engine, self_id);
    } catch (const Error& error) {
        recovery.containers.warnings.push_back(
            std::string("what a dead run left could not be cleared away: ") + error.what());
        if (waiting)
            recovery.containers.all_known = false;
    }
    if (waiting)
        add(recovery.containers, quiesce::recover(engine, settings.journals(), {}, wait));
    return recovery;
}

} // namespace miraclemax::run
