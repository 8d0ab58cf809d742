#include "run/group_backup.hpp"

#include "error.hpp"
#include "run/component_record.hpp"
#include "run/reading.hpp"

#include "quiesce/window.hpp"

namespace miraclemax::run {
namespace {

struct Attempt {
    GroupOutcome outcome;
    std::string moved; // not empty: the host changed under the reading, which is not to be trusted
};

class GroupBackup {
public:
    GroupBackup(const Context& context, const std::string& run, const Host& planned_on,
                const PlannedGroup& planned, const Keys& keys, quiesce::Journal& journal,
                store::Partial& partial)
        : context_(context), run_(run), planned_on_(planned_on), planned_(planned), keys_(keys),
          journal_(journal), partial_(partial) {}

    GroupOutcome operator()();

private:
    Attempt attempt();
    Attempt guarded_attempt();
    Attempt failed_attempt(const std::string& reason, const std::string& remedy);
    void freeze_and_read(const PlannedGroup& now, const Host& host, Readings& readings, Attempt& attempt);
    std::vector<PlannedComponent> readable(Attempt& attempt) const;
    void fail(Attempt& attempt, const PlannedComponent& member, const std::string& reason,
              const std::string& remedy) const;
    void fail_all(Attempt& attempt, Readings& readings, const std::string& reason,
                  const std::string& remedy) const;
    void collect(const PlannedGroup& now, Readings& readings, Attempt& attempt) const;

    const Context& context_;
    const std::string& run_;
    const Host& planned_on_;
    const PlannedGroup& planned_;
    const Keys& keys_;
    quiesce::Journal& journal_;
    store::Partial& partial_;
    quiesce::FreezeReport report_;
};

GroupOutcome GroupBackup::operator()() {
    Attempt attempted;
    for (int tries = 0; tries < 2; ++tries) {
        attempted = guarded_attempt();
        if (attempted.moved.empty())
            return std::move(attempted.outcome);
        if (!attempted.outcome.released)
            break;
        context_.observer.warned("group " + planned_.group.name + ": " + attempted.moved);
    }
    attempted.outcome.failed.clear();
    for (const auto& member : readable(attempted))
        fail(attempted, member, attempted.moved + ": the reading can't be trusted",
             "see who starts or resumes the container while backups run");
    return std::move(attempted.outcome);
}

// A group costs only itself: what was read before it is kept. Nothing is frozen any more when an error gets
// here.
Attempt GroupBackup::guarded_attempt() {
    try {
        return attempt();
    } catch (const Error& error) {
        if (error.code() == ExitCode::interrupted || error.code() == ExitCode::not_released)
            throw;
        return failed_attempt(error.what(), error.remedy());
    } catch (const std::exception& error) {
        return failed_attempt(error.what(), {});
    }
}

Attempt GroupBackup::failed_attempt(const std::string& reason, const std::string& remedy) {
    Attempt failed;
    for (const auto& member : readable(failed))
        fail(failed, member, reason, remedy);
    return failed;
}

void GroupBackup::fail(Attempt& attempt, const PlannedComponent& member, const std::string& reason,
                       const std::string& remedy) const {
    attempt.outcome.failed.push_back({.name = member.component.name,
                                      .reason = reason,
                                      .remedy = remedy,
                                      .optional = member.component.optional});
}

void GroupBackup::fail_all(Attempt& attempt, Readings& readings, const std::string& reason,
                           const std::string& remedy) const {
    for (const auto& reading : readings.all())
        fail(attempt, reading.planned, reading.failure ? reading.failure->what() : reason,
             reading.failure ? reading.failure->remedy() : remedy);
    readings.abandon();
}

std::vector<PlannedComponent> GroupBackup::readable(Attempt& attempt) const {
    std::vector<PlannedComponent> members;
    for (const auto& member : planned_.members) {
        if (member.refusal.empty())
            members.push_back(member);
        else
            fail(attempt, member, member.refusal, member.remedy);
    }
    return members;
}

// One line a phase: workers are started while the application still runs, the window is open only
// while they read, and what they read is finished after it is closed.
Attempt GroupBackup::attempt() {
    Attempt attempt;
    const auto members = readable(attempt);
    if (members.empty())
        return attempt;
    const Host before = look_again(context_.engine, planned_on_);
    const auto early = replan(context_.settings, before, planned_);
    if (!early.freeze.refusals.empty()) {
        for (const auto& member : members)
            fail(attempt, member, early.freeze.refusals.front(), "see `miraclemax plan`");
        return attempt;
    }
    Readings readings(context_, run_, before, keys_, partial_);
    readings.launch(members, !early.freeze.frozen().empty());
    if (!readings.any_going()) {
        fail_all(attempt, readings, {}, {});
        return attempt;
    }
    // The list of writers is read as late as can be: one may have come while the workers were started.
    const auto now = replan(context_.settings, look_again(context_.engine, before), planned_);
    if (!now.freeze.refusals.empty()) {
        fail_all(attempt, readings, now.freeze.refusals.front(), "see `miraclemax plan`");
        return attempt;
    }
    freeze_and_read(now, before, readings, attempt);
    if (!attempt.moved.empty() || readings.all().empty()) {
        readings.abandon();
        return attempt;
    }
    readings.finish();
    collect(now, readings, attempt);
    return attempt;
}

void GroupBackup::freeze_and_read(const PlannedGroup& now, const Host& host, Readings& readings,
                                  Attempt& attempt) {
    quiesce::Window window(context_.engine, journal_, now.freeze);
    std::optional<Error> failure;
    context_.observer.freezing(now.group.name, now.freeze.frozen());
    try {
        window.freeze(context_.stop);
        if (const auto moved = window.moved(now.group, host.self_id()))
            attempt.moved = *moved;
        if (attempt.moved.empty())
            readings.read(window.deadline());
        if (const auto moved = window.moved(now.group, host.self_id()); moved && attempt.moved.empty())
            attempt.moved = *moved;
    } catch (const Error& error) {
        failure = error; // first of all, the containers go on
    } catch (const std::exception& error) {
        failure = Error(ExitCode::failed, error.what());
    }
    try {
        report_ = window.release();
    } catch (const std::exception& error) {
        attempt.outcome.released = false;
        attempt.outcome.unreleased = error.what();
        report_ = window.report();
        context_.observer.warned(attempt.outcome.unreleased);
    }
    context_.observer.released(now.group.name, report_);
    for (const auto& warning : report_.warnings)
        context_.observer.warned(warning);
    if (failure && failure->code() == ExitCode::interrupted) {
        if (!attempt.outcome.released)
            throw Error(ExitCode::not_released, attempt.outcome.unreleased + "; " + failure->what());
        throw *failure;
    }
    const bool late = now.freeze.max_freeze && report_.time > *now.freeze.max_freeze;
    if (failure)
        fail_all(attempt, readings, failure->what(), failure->remedy());
    else if (late)
        fail_all(attempt, readings, "the freeze took longer than max-freeze allows",
                 "raise miraclemax.max-freeze, or make the component smaller");
}

void GroupBackup::collect(const PlannedGroup& now, Readings& readings, Attempt& attempt) const {
    // A member that was not read in this freeze, for whatever reason, leaves the others inconsistent with it.
    bool consistent = readings.all().size() == planned_.members.size();
    for (const auto& reading : readings.all())
        consistent = consistent && reading.going();
    for (auto& reading : readings.all()) {
        reading.worker.reset();
        try {
            if (!reading.failure)
                attempt.outcome.stored.push_back(record_of(now, reading, report_, consistent, partial_));
        } catch (const Error& error) {
            reading.failure = error;
        }
        if (reading.failure)
            fail(attempt, reading.planned, reading.failure->what(), reading.failure->remedy());
        partial_.drop_work_folder(reading.planned.component.name);
    }
}

} // namespace

GroupOutcome back_up_group(const Context& context, const std::string& run, const Host& planned_on,
                           const PlannedGroup& planned, const Keys& keys, quiesce::Journal& journal,
                           store::Partial& partial) {
    return GroupBackup(context, run, planned_on, planned, keys, journal, partial)();
}

} // namespace miraclemax::run
