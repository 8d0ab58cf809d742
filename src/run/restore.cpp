#include "run/restore.hpp"

#include "run/emptied.hpp"
#include "run/group_restore.hpp"
#include "run/undo_restore.hpp"
#include "run/unpacking.hpp"
#include "run/witness.hpp"

#include "store/backup_folder.hpp"

#include <algorithm>
#include <map>

namespace miraclemax::run {
namespace {

void add(RestoreResult& result, GroupRestored restored) {
    for (auto& item : restored.items) {
        if (!item.ok() && result.code == ExitCode::ok)
            result.code = restored.code == ExitCode::ok ? ExitCode::failed : restored.code;
        if (item.ok() && item.unpacked.withheld.any() && result.code == ExitCode::ok)
            result.code = ExitCode::incomplete;
        if (item.ok() && !item.left_in_place.empty() && result.code == ExitCode::ok)
            result.code = ExitCode::incomplete;
        result.items.push_back(std::move(item));
    }
    result.downtimes.push_back(std::move(restored.downtime));
    if (!restored.released)
        result.unreleased.push_back(std::move(restored.unreleased));
}

// Who ended on the restored data ran on the old, so it is to run on that again.
void start_the_ended(const Context& context, const std::vector<std::string>& names) {
    for (const auto& name : names)
        try {
            const auto container = context.engine.container(name);
            if (container &&
                (container->state == podman::State::exited || container->state == podman::State::stopped))
                context.engine.start(container->id);
        } catch (const Error& error) {
            context.observer.warned(name + " could not be started on the old data: " + error.what());
        }
}

// What a restore made, or did in place, has nothing to go back to.
std::vector<std::string> with_old_data(const RestoreRecord& record,
                                       const std::vector<std::string>& components) {
    std::vector<std::string> found;
    for (const auto& each : record.components)
        if (each.step == Step::swapped &&
            std::find(components.begin(), components.end(), each.component) != components.end())
            found.push_back(each.component);
    return found;
}

// The containers that waited for what a dead run had emptied. Returns what could not be put back: the other
// groups are restored all the same, and may be what the rest waits for.
std::string start_the_waiting(const Context& context) {
    try {
        undo_dead_runs(context, false); // what this run itself has in hand is nothing to wait for
        return {};
    } catch (const Error& error) {
        if (error.code() == ExitCode::interrupted)
            throw;
        return error.what();
    }
}

// Waits for what was started; unhealthy and asked for, the group's old data comes back.
void await_group(const Context& context, RestoreObserver& observer, Execution& execution,
                 const RestoreRequest& request, const std::vector<std::string>& names,
                 RestoreRecords& records, RestoreRecord& record, const std::vector<std::string>& components,
                 RestoreResult& result) {
    const auto& settings = context.settings;
    bool good = true;
    for (auto& each :
         await_health(context.engine, names, settings.settle_time, settings.health_patience, context.stop)) {
        observer.health(each);
        good = good && each.good;
        result.health.push_back(std::move(each));
    }
    if (good)
        return;
    if (result.code == ExitCode::ok || result.code == ExitCode::incomplete)
        result.code = ExitCode::unhealthy;
    if (!request.rollback_on_unhealthy)
        return;
    const auto back = with_old_data(record, components);
    for (const auto& each : components)
        if (std::find(back.begin(), back.end(), each) == back.end())
            context.observer.warned(each + " keeps the restored data: nothing of it lies aside");
    if (back.empty())
        return;
    undo_components(context, observer, execution, records, back);
    for (auto& each : records.all()) // what the undo wrote is what the next group goes on from
        if (each.run == record.run)
            record = std::move(each);
    result.rolled_back = true;
    start_the_ended(context, names);
}

std::vector<component::Component> targets_of(const RestoreGroup& group,
                                             const std::vector<std::string>& components) {
    std::vector<component::Component> targets;
    for (const auto& item : group.items)
        if (std::find(components.begin(), components.end(), item.record.name) != components.end())
            targets.push_back(item.target);
    return targets;
}

std::string remedy(const std::string& id, const Examination& examined) {
    if (examined.code() == ExitCode::untrusted && examined.signature != Signature::bad)
        return "compare the fingerprint with the one you kept, then give it: --signer FINGERPRINT "
               "(--unsigned restores it unproven)";
    return "nothing was touched; `miraclemax verify " + id +
           "` names every fault, and an older backup may be whole (`miraclemax list`)";
}

// The plan was made of a manifest that nobody had proven yet, and was shown for as long as somebody thought
// about it.
void require_same(const RestorePlan& plan, const std::string& id, const catalog::Manifest& proven) {
    const auto text = [](const catalog::ComponentRecord& record) {
        catalog::Manifest one;
        one.components = {record};
        return catalog::to_json(one);
    };
    for (const auto& group : plan.groups)
        for (const auto& item : group.items) {
            const auto same = [&](const catalog::ComponentRecord& each) {
                return each.name == item.record.name && text(each) == text(item.record);
            };
            if (item.id == id && std::none_of(proven.components.begin(), proven.components.end(), same))
                throw Error(ExitCode::damaged,
                            "the manifest of " + id + " changed since the plan was made of it",
                            "run it again, and see who writes to the backup folder");
        }
}

} // namespace

void prove(const Context& context, RestoreObserver& observer, const RestorePlan& plan, const Trust& trust,
           bool ask_the_disk) {
    const store::BackupFolder folder(context.settings.backups, store::Use::reading);
    std::map<std::string, std::vector<std::string>> wanted; // components by backup
    for (const auto& group : plan.groups)
        for (const auto& item : group.items)
            wanted[item.id].push_back(item.record.name);
    const Witness witness(context.settings, trust);
    for (const auto& [id, components] : wanted) {
        auto examined =
            examine(folder, id, witness,
                    {.components = components,
                     .progress = [&, name = id](std::uint64_t bytes,
                                                std::uint64_t of) { observer.examining(name, bytes, of); },
                     .stop = context.stop,
                     .ask_the_disk = ask_the_disk});
        std::erase_if(examined.faults, [&](const Fault& fault) {
            if (fault.of_chain) // a neighbour's: the files of this one are what was signed
                context.observer.warned("backup " + id + ": " + fault.where + " " + fault.what);
            return fault.of_chain;
        });
        if (examined.good()) {
            require_same(plan, id, *examined.manifest);
            continue;
        }
        const auto& fault = examined.faults.front();
        throw Error(examined.code(), "backup " + id + ": " + fault.where + " " + fault.what,
                    remedy(id, examined));
    }
}

RestoreResult rehearse_all(const Context& context, RestoreObserver& observer, const RestorePlan& plan,
                           const PrivateKeys& keys) {
    Execution execution(context);
    const Host host = survey(context);
    RestoreResult result{.run = execution.run()};
    for (const auto& group : plan.groups)
        for (const auto& item : group.items) {
            RestoredItem done{.component = item.record.name,
                              .id = item.id,
                              .unpacked = {},
                              .left_in_place = {},
                              .failure = {},
                              .remedy = {}};
            try {
                done.unpacked = rehearse(
                    context, execution.run(), host, keys, item.record, context.settings.backups / item.id,
                    [&](const archive::Unpacked& so_far) { observer.unpacking(item, so_far); });
                observer.unpacked(item, done.unpacked);
            } catch (const Error& error) {
                if (error.code() == ExitCode::interrupted)
                    throw;
                done.failure = error.what();
                done.remedy = error.remedy();
                if (result.code == ExitCode::ok)
                    result.code = error.code();
            }
            result.items.push_back(std::move(done));
        }
    execution.close();
    return result;
}

RestoreResult restore(const Context& context, RestoreObserver& observer, RestorePlan plan,
                      const PrivateKeys& keys, const RestoreRequest& request) {
    Execution execution(context);
    RestoreRecords records(context.settings);
    RestoreRecord record{.run = execution.run(),
                         .at = local_time(std::chrono::system_clock::now()),
                         .components = {},
                         .began = std::chrono::duration_cast<std::chrono::nanoseconds>(
                                      std::chrono::system_clock::now().time_since_epoch())
                                      .count(),
                         .no_podman = !context.no_podman.empty()};
    RestoreResult result{.run = execution.run()};
    std::string stuck;
    const Host first = survey(context);
    for (auto& group : plan.groups) {
        const Host host = look_again(context.engine, first);
        auto restored =
            restore_group(context, observer, execution, host, group, keys, request, records, record);
        const auto names = restored.stopped;
        std::vector<std::string> components;
        for (const auto& item : restored.items)
            if (item.ok())
                components.push_back(item.component);
        const bool up = restored.released;
        add(result, std::move(restored));
        if (request.only.empty() && // a part of it mends nothing
            close_earlier(context, host, records, record, targets_of(group, components)))
            stuck = start_the_waiting(context);
        if (up && !components.empty())
            await_group(context, observer, execution, request, names, records, record, components, result);
    }
    if (!stuck.empty())
        result.unreleased.push_back(std::move(stuck));
    if (!result.unreleased.empty())
        result.code = ExitCode::not_released;
    execution.close();
    return result;
}

} // namespace miraclemax::run
