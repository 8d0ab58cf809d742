#include "run/group_restore.hpp"

#include "error.hpp"
#include "run/emptied.hpp"
#include "run/group_moves.hpp"
#include "run/in_place.hpp"
#include "run/restore_place.hpp"
#include "run/restore_target.hpp"
#include "run/unpacking.hpp"

#include "quiesce/window.hpp"

#include <algorithm>

namespace miraclemax::run {
namespace {

struct Member {
    RestoreItem& item;
    RestoredItem result;
    std::unique_ptr<Unpacking> unpacking; // staged, waiting for its swap
    bool swapped = false;
    bool keeps_old = false; // of what was there before, aside
    bool made = false;      // the place: nothing was there before
};

class GroupRestore {
public:
    GroupRestore(const Context& context, RestoreObserver& observer, Execution& execution, const Host& host,
                 RestoreGroup& group, const PrivateKeys& keys, const RestoreRequest& request,
                 RestoreRecords& records, RestoreRecord& record)
        : context_(context), observer_(observer), execution_(execution), host_(host), group_(group),
          keys_(keys), request_(request), records_(records), record_(record),
          in_place_(context, observer, execution, host, keys, request, records, record) {
        for (auto& item : group.items)
            members_.push_back({.item = item,
                                .result = {.component = item.record.name,
                                           .id = item.id,
                                           .unpacked = {},
                                           .left_in_place = {},
                                           .failure = {},
                                           .remedy = {}},
                                .unpacking = nullptr});
        for (auto& member : members_)
            if (!member.item.in_place.empty())
                in_place_.add(member.item, member.result);
    }

    GroupRestored operator()();

private:
    void stage();
    void stage_one(Member& member);
    void swap_all();
    void swap_one(Member& member);
    void close();
    void need_still(quiesce::Window& window, const Host& host) const;
    void stop_swap_start();
    void start(quiesce::Window& window, const Host& before, bool on_new_data);
    void take_back();
    void fail(const Error& error);
    void clear_away(const Member& member, bool staged);
    void unmake(const RestoredComponent& entry);
    void drop_empty_old();
    void tell_of_old(const RestoredComponent& entry);
    GroupRestored outcome();

    const Context& context_;
    RestoreObserver& observer_;
    Execution& execution_;
    const Host& host_;
    RestoreGroup& group_;
    const PrivateKeys& keys_;
    const RestoreRequest& request_;
    RestoreRecords& records_;
    RestoreRecord& record_;
    std::vector<Member> members_;
    InPlace in_place_; // of some of the members
    GroupRestored restored_;
};

// One line a phase: unpacked while the applications run, stopped for the renames alone.
GroupRestored GroupRestore::operator()() {
    try {
        stage();
        stop_swap_start();
        drop_empty_old();
    } catch (const Error& error) {
        fail(error);
        if (error.code() == ExitCode::interrupted || error.code() == ExitCode::not_released)
            throw;
    } catch (const std::exception& error) {
        fail(Error(ExitCode::failed, error.what()));
    }
    return outcome();
}

void GroupRestore::stage() {
    for (auto& member : members_)
        if (!member.item.refusal.empty())
            throw Error(member.item.refusal_code, member.item.record.name + ": " + member.item.refusal,
                        member.item.remedy);
    for (auto& member : members_)
        stage_one(member);
    in_place_.make_safe();
}

void GroupRestore::stage_one(Member& member) {
    sweep_earlier(context_, host_, execution_.run(), member.item.record.name);
    const auto [target, made] = make_target(context_, host_, member.item, request_,
                                            members_.front().result.component, records_, record_);
    member.made = made;
    if (!member.item.in_place.empty())
        return;
    member.unpacking = std::make_unique<Unpacking>(
        context_, execution_.run(), host_, keys_,
        UnpackOrder{.record = member.item.record,
                    .backup = context_.settings.backups / member.item.id,
                    .store = true,
                    .options = {.only = request_.only,
                                .trusted_xattrs = context_.settings.trusted_xattrs,
                                .selinux_labels = request_.selinux_labels},
                    .site = site_of(record_, target),
                    .placement = restore_placement(context_.settings, host_, execution_.run(), target)});
    member.result.unpacked = member.unpacking->finish(
        [&](const archive::Unpacked& so_far) { observer_.unpacking(member.item, so_far); });
    observer_.unpacked(member.item, member.result.unpacked);
}

void GroupRestore::stop_swap_start() {
    // The list of users is read as late as can be: one may have come while the archives were unpacked.
    const Host now = look_again(context_.engine, host_);
    replan_stop(group_, now);
    if (!group_.stop.refusals.empty())
        throw Error(ExitCode::failed, group_.stop.refusals.front(),
                    "stop it yourself (systemctl stop, podman stop), restore, and start it again");
    quiesce::Window window(context_.engine, execution_.journal(), group_.stop);
    observer_.stopping(group_.group.name, group_.stop.frozen());
    std::optional<Error> failure;
    try {
        window.freeze(context_.stop);
        need_still(window, now);
        in_place_.replace();
        swap_all();
        need_still(window, now); // while all can still be taken back
        close();
    } catch (const Error& error) {
        failure = error;
    } catch (const std::exception& error) {
        failure = Error(ExitCode::failed, error.what());
    }
    if (failure) {
        try {
            take_back();
            in_place_.put_back();
        } catch (const std::exception& error) {
            window.leave(); // nobody may start on what lies there now
            const auto lost = in_place_.lost();
            throw Error(ExitCode::not_released,
                        std::string(failure->what()) +
                            "; and the old data could not be put back: " + error.what(),
                        lost.empty() ? "its containers stay stopped: run `miraclemax recover`" : lost);
        }
    }
    start(window, now, !failure);
    if (failure && !restored_.released)
        throw Error(ExitCode::not_released, restored_.unreleased + "; " + failure->what());
    if (failure)
        throw *failure;
}

void GroupRestore::need_still(quiesce::Window& window, const Host& host) const {
    if (!host.no_podman.empty())
        return; // nobody was stopped
    if (const auto moved = window.moved(group_.group, host.self_id()))
        throw Error(ExitCode::failed, *moved, "see who starts the container while it is restored");
}

void GroupRestore::start(quiesce::Window& window, const Host& before, bool on_new_data) {
    restored_.stopped = group_.stop.frozen();
    try {
        restored_.downtime = window.release();
    } catch (const std::exception& error) {
        restored_.downtime = window.report();
        const auto left = on_new_data ? left_down(context_.engine, execution_.journal(), restored_.downtime,
                                                  before.containers)
                                      : LeftDown{.unstarted = {}, .others = true};
        restored_.unstarted = left.unstarted;
        restored_.released = !left.others;
        if (left.others)
            restored_.unreleased = error.what();
    }
    observer_.started(group_.group.name, restored_.downtime);
    for (const auto& warning : restored_.downtime.warnings)
        context_.observer.warned(warning);
}

void GroupRestore::swap_all() {
    for (auto& member : members_)
        if (member.item.in_place.empty())
            swap_one(member);
}

void GroupRestore::close() {
    in_place_.close();
    for (auto& member : members_)
        member.swapped = true;
}

// What is announced on disk first can be settled by anybody.
void GroupRestore::swap_one(Member& member) {
    const auto& name = member.result.component;
    advance(records_, record_, name, Step::swapping);
    member.result.left_in_place = member.unpacking->swap();
    member.keeps_old = member.unpacking->keeps_old();
    member.swapped = true;
    advance(records_, record_, name, Step::swapped);
    member.unpacking.reset();
}

// The members that were swapped before one failed get their old data back: a group is of one moment. What was
// only unpacked is cleared away later, when the containers run again.
void GroupRestore::take_back() {
    std::vector<std::string> moved;
    for (auto& member : members_) {
        const auto* entry = entry_of(record_, member.result.component);
        if (entry == nullptr || entry->step == Step::staging || entry->step == Step::emptied)
            continue;
        member.unpacking.reset();
        moved.push_back(entry->component);
    }
    GroupMoves(context_.settings, context_.engine, host_, execution_.run(), records_, record_)
        .give_back(moved);
    warn_of_strays(context_, records_, record_, moved);
    for (auto& member : members_)
        member.swapped = false;
}

void GroupRestore::fail(const Error& error) {
    for (auto& member : members_) {
        const bool staged = member.unpacking != nullptr;
        member.unpacking.reset();
        if (member.swapped)
            continue;
        member.result.failure = error.what();
        member.result.remedy = error.remedy();
        restored_.code = error.code();
        clear_away(member, staged);
    }
}

// An unpacker drops its staging folder when it fails; one that was killed could not.
void GroupRestore::clear_away(const Member& member, bool staged) {
    const auto& name = member.result.component;
    const auto* entry = entry_of(record_, name);
    if (entry == nullptr || (entry->step != Step::staging && entry->step != Step::making))
        return;
    try {
        if (staged)
            settle(context_.settings, context_.engine, host_, execution_.run(), record_, *entry,
                   worker::Settling::settle);
        if (entry->made)
            unmake(*entry);
        forget(records_, record_, name);
    } catch (const std::exception& error) {
        context_.observer.warned(name + ": what was unpacked could not be removed yet (" + error.what() +
                                 "); the next run does it");
    }
}

void GroupRestore::unmake(const RestoredComponent& entry) {
    const auto why = unmake_target(context_.settings, context_.engine, host_, execution_.run(), entry);
    if (why.empty() || (entry.step == Step::making && why == not_ours))
        return;
    context_.observer.warned(entry.component + ": volume " + entry.volume +
                             ", made for this restore, stays (" + why +
                             ") and holds nothing of it: `podman volume rm " + entry.volume + "`");
}

// A place that was made for this has nothing old to keep aside, but for what came into it since; nor has one
// beside the original.
void GroupRestore::drop_empty_old() {
    for (const auto& member : members_) {
        const auto& name = member.result.component;
        const auto* entry = entry_of(record_, name);
        if (entry == nullptr || !member.item.in_place.empty() || !(member.made || entry->beside) ||
            !member.result.ok())
            continue;
        if (member.keeps_old) {
            tell_of_old(*entry);
            continue;
        }
        try {
            drop_aside(context_.settings, context_.engine, host_, execution_.run(), records_, record_, name);
        } catch (const std::exception& error) {
            context_.observer.warned(name + ": " + error.what());
        }
    }
}

void GroupRestore::tell_of_old(const RestoredComponent& entry) {
    const auto& name = entry.component;
    if (entry.beside)
        context_.observer.warned(name + ": what was at " + (entry.only.empty() ? entry.path : entry.only) +
                                 " before lies aside, in .miraclemax-" + record_.run +
                                 " (`miraclemax restore --discard-old --component " + name + "` removes it)");
    else
        context_.observer.warned(name + ": what was written into its " +
                                 (entry.volume.empty() ? "folder" : "volume") +
                                 " before the restored data came lies aside (`miraclemax restore --undo`)");
}

GroupRestored GroupRestore::outcome() {
    for (auto& member : members_)
        restored_.items.push_back(std::move(member.result));
    return std::move(restored_);
}

} // namespace

GroupRestored restore_group(const Context& context, RestoreObserver& observer, Execution& execution,
                            const Host& host, RestoreGroup& group, const PrivateKeys& keys,
                            const RestoreRequest& request, RestoreRecords& records, RestoreRecord& record) {
    return GroupRestore(context, observer, execution, host, group, keys, request, records, record)();
}

} // namespace miraclemax::run
