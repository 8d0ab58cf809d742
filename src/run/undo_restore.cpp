#include "run/undo_restore.hpp"

#include "error.hpp"
#include "run/group_moves.hpp"
#include "run/restore_place.hpp"

#include "quiesce/window.hpp"

#include <algorithm>
#include <map>

namespace miraclemax::run {
namespace {

bool wanted(const std::vector<std::string>& components, const std::string& name) {
    return components.empty() || std::find(components.begin(), components.end(), name) != components.end();
}

// `all`: what was restored beside the original, and what has nothing but strays, too.
bool aside(const RestoredComponent& each, bool all = false) {
    return (all || !each.beside) &&
           (each.step == Step::swapped || each.step == Step::undone || (all && each.step == Step::strays));
}

bool names_it(const std::vector<Aside>& all, const std::string& component) {
    return std::any_of(all.begin(), all.end(),
                       [&](const Aside& one) { return one.second.component == component; });
}

// As it is now.
bool holds(const std::vector<Aside>& all, const std::string& run, const RestoredComponent& each) {
    return std::any_of(all.begin(), all.end(), [&](const Aside& one) {
        const auto& [its_run, then] = one;
        return its_run == run && then.component == each.component && then.step == each.step &&
               then.strays == each.strays;
    });
}

std::vector<Aside> lying_aside(const RestoreRecords& records, const std::vector<std::string>& components,
                               bool all) {
    std::vector<Aside> found;
    for (const auto& record : records.all())
        for (const auto& each : record.components)
            if (aside(each, all) && wanted(components, each.component))
                found.emplace_back(record.run, each);
    for (const auto& name : components)
        if (!names_it(found, name))
            throw Error(ExitCode::not_found, "nothing of " + name + " lies aside from a restore",
                        "it is kept until the next good backup, or `--discard-old`");
    if (found.empty())
        throw Error(ExitCode::not_found, "nothing lies aside from a restore",
                    "it is kept until the next good backup, or `--discard-old`");
    return found;
}

void discard(const Context& context, const Host& host, const std::string& run, RestoreRecords& records,
             RestoreRecord& record, const RestoredComponent& each) {
    if (gone(host, each))
        forget(records, record, each.component);
    else if (each.step != Step::strays)
        drop_aside(context.settings, context.engine, host, run, records, record, each.component,
                   context.stop);
}

void discard_strays(const Context& context, const Host& host, const std::string& run, RestoreRecords& records,
                    RestoreRecord& record, const std::string& component) {
    const auto* entry = entry_of(record, component);
    if (entry == nullptr)
        return;
    settle(context.settings, context.engine, host, run, record, *entry, worker::Settling::sweep,
           context.stop);
    forget(records, record, component);
}

// One restore's components, undone together: stop, exchange, start.
class Undo {
public:
    Undo(const Context& context, RestoreObserver& observer, Execution& execution, RestoreRecords& records,
         RestoreRecord record, std::vector<RestoredComponent> components)
        : context_(context), observer_(observer), execution_(execution), records_(records),
          record_(std::move(record)), components_(std::move(components)),
          host_(survey(context.engine, context.self_id)) {}

    void operator()() {
        RestoreGroup group;
        std::vector<component::Component> targets;
        for (const auto& each : components_)
            targets.push_back(target_of(each, host_));
        for (auto& part : component::group(targets, host_.containers, host_.self_id())) {
            RestoreGroup one{.group = std::move(part), .stop = {}, .items = {}};
            // A container of the group before may be one of this: it has been started anew.
            host_ = look_again(context_.engine, host_);
            undo(one);
        }
    }

private:
    void undo(RestoreGroup& group) {
        replan_stop(group, host_);
        if (!group.stop.refusals.empty())
            throw Error(ExitCode::failed, group.stop.refusals.front(),
                        "stop it yourself, undo, and start it again");
        quiesce::Window window(context_.engine, execution_.journal(), group.stop);
        observer_.stopping(group.group.name, group.stop.frozen());
        const auto need_still = [&] {
            if (const auto moved = window.moved(group.group, host_.self_id()))
                throw Error(ExitCode::failed, *moved,
                            "see who starts the container while the restore is undone");
        };
        window.freeze(context_.stop);
        need_still();
        std::vector<std::string> members;
        for (const auto& member : group.group.members)
            members.push_back(member.name);
        exchange(members, window, need_still);
        observer_.started(group.group.name, window.release());
    }

    void exchange(const std::vector<std::string>& members, quiesce::Window& window,
                  const std::function<void()>& check) {
        Undone undone;
        try {
            undone =
                GroupMoves(context_.settings, context_.engine, host_, execution_.run(), records_, record_)
                    .undo(members, execution_.run(), check);
        } catch (const std::exception& error) {
            window.leave(); // nobody may start on what lies there now
            throw Error(ExitCode::not_released, error.what(),
                        "its containers stay stopped: run `miraclemax recover`");
        }
        warn_of_strays(context_, records_, record_, members);
        if (undone.failure)
            throw Error(*undone.failure);
    }

    const Context& context_;
    RestoreObserver& observer_;
    Execution& execution_;
    RestoreRecords& records_;
    RestoreRecord record_;
    std::vector<RestoredComponent> components_;
    Host host_;
};

} // namespace

std::vector<Aside> moved_aside(const RestoreRecords& records, const std::vector<std::string>& components) {
    std::map<std::string, Aside> newest;
    for (auto& each : lying_aside(records, components, false)) // oldest first
        newest[each.second.component] = std::move(each);
    std::vector<Aside> found;
    for (auto& [name, each] : newest)
        found.push_back(std::move(each));
    return found;
}

std::vector<Aside> all_aside(const RestoreRecords& records, const std::vector<std::string>& components) {
    return lying_aside(records, components, true);
}

void undo_components(const Context& context, RestoreObserver& observer, Execution& execution,
                     RestoreRecords& records, const std::vector<std::string>& components) {
    std::map<std::string, std::vector<RestoredComponent>> by_run;
    std::string undone; // already
    for (const auto& [run, each] : moved_aside(records, components)) {
        if (each.step == Step::undone)
            undone += (undone.empty() ? "" : ", ") + each.component;
        else
            by_run[run].push_back(each);
    }
    if (by_run.empty() || (!undone.empty() && !components.empty()))
        throw Error(ExitCode::not_found, "the last restore of " + undone + " is undone already",
                    "the restored data lies aside until the next good backup; restore again to have it");
    for (auto& record : records.all())
        if (const auto found = by_run.find(record.run); found != by_run.end())
            Undo(context, observer, execution, records, record, found->second)();
}

void undo_restore(const Context& context, RestoreObserver& observer,
                  const std::vector<std::string>& components) {
    RestoreRecords records(context.settings);
    moved_aside(records, components); // nothing there: said before anything begins
    Execution execution(context);
    undo_components(context, observer, execution, records, components);
    execution.close();
    if (const auto stuck = start_the_waiting(context); !stuck.empty())
        throw Error(ExitCode::not_released, "the old data is back; " + stuck, "run `miraclemax recover`");
}

std::vector<std::string> discard_old(const Context& context, const std::vector<Aside>& agreed) {
    RestoreRecords records(context.settings);
    Execution execution(context);
    const Host host = survey(context.engine, context.self_id);
    std::vector<std::string> names;
    std::string changed;
    for (auto& record : records.all())
        for (const auto& each : std::vector(record.components)) {
            if (!aside(each, true) || !names_it(agreed, each.component))
                continue;
            if (!holds(agreed, record.run, each)) {
                changed += (changed.empty() ? "" : ", ") + each.component + " (run " + record.run + ")";
                continue;
            }
            discard(context, host, execution.run(), records, record, each);
            discard_strays(context, host, execution.run(), records, record, each.component);
            names.push_back(each.component);
        }
    execution.close();
    if (!changed.empty())
        throw Error(ExitCode::failed,
                    "what lies aside has changed since this was agreed to, and stays: " + changed,
                    "see what it is (`miraclemax check`), and run it again");
    return names;
}

void let_go(const Context& context, const std::string& run, const std::vector<std::string>& components) {
    if (components.empty())
        return;
    RestoreRecords records(context.settings);
    std::optional<Host> host;
    for (auto& record : records.all())
        for (const auto& each : std::vector(record.components)) {
            if (!aside(each) || !wanted(components, each.component))
                continue;
            try {
                if (!host)
                    host = survey(context.engine, context.self_id);
                discard(context, *host, run, records, record, each);
            } catch (const std::exception& error) {
                context.observer.warned(
                    each.component +
                    ": what lies aside from an earlier restore could not be removed: " + error.what());
            }
        }
}

} // namespace miraclemax::run
