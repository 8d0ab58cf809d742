#include "run/execution.hpp"

#include "error.hpp"
#include "run/recover.hpp"
#include "run/restore_record.hpp"
#include "stream/file.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <thread>

namespace miraclemax::run {
namespace {

// Control sockets of runs that were killed.
void drop_old_controls(const Settings& settings) {
    std::set<std::string> restoring; // a settler of such a run may be at work
    for (const auto& record : RestoreRecords(settings).all())
        restoring.insert(record.run);
    std::error_code trouble;
    for (const auto& entry : std::filesystem::directory_iterator(settings.control(), trouble))
        if (const auto run = entry.path().filename().string();
            !quiesce::alive(settings.journals(), run) && restoring.count(run) == 0)
            std::filesystem::remove_all(entry.path(), trouble);
}

bool blocks(const Settled& each) {
    return !each.ok && !each.holds_nobody_up;
}

bool blocks(const quiesce::Recovered& each, Unstarted unstarted) {
    return !each.ok && !each.waits && !(each.refused && unstarted == Unstarted::warned);
}

bool any_blocks(const Recovery& recovery, Unstarted unstarted) {
    const auto& containers = recovery.containers.containers;
    return !recovery.containers.all_known ||
           std::any_of(recovery.data.begin(), recovery.data.end(),
                       [](const auto& each) { return blocks(each); }) ||
           std::any_of(containers.begin(), containers.end(),
                       [&](const auto& each) { return blocks(each, unstarted); });
}

// Another recovery holds a dead run's journal while it looks at its containers, and so makes it look alive.
// Returns the component that another process still has in hand; empty: none, or `told` names what blocks.
std::string recover_all(const Context& context, bool locked, Unstarted unstarted, Recovery& told) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    for (;;) {
        add(told, recover(context.settings, context.engine, context.self_id, context.stop));
        if (!locked || any_blocks(told, unstarted))
            return {};
        const auto moving = in_motion(context.settings);
        if (moving.empty() || std::chrono::steady_clock::now() > until)
            return moving;
        std::this_thread::sleep_for(std::chrono::milliseconds(200));
    }
}

} // namespace

void undo_dead_runs(const Context& context, bool locked, Unstarted unstarted) {
    Recovery recovery;
    const auto moving = recover_all(context, locked, unstarted, recovery);
    for (const auto& warning : recovery.containers.warnings)
        context.observer.warned(warning);
    std::string stuck;
    bool any_refused = false;
    const auto add = [&](const std::string& what) { stuck += (stuck.empty() ? "" : ", ") + what; };
    for (const auto& each : recovery.data) {
        context.observer.warned("left by run " + each.run + ": component " + each.component + " " +
                                each.what);
        if (blocks(each))
            add("component " + each.component + " (" + each.what + ")");
    }
    for (const auto& each : recovery.containers.containers) {
        context.observer.warned("left by run " + each.run + ": container " + each.name + " " + each.what);
        if (blocks(each, unstarted))
            add(each.name + " (" + each.what + ")");
        any_refused = any_refused || each.refused;
    }
    // A journal that can't be read: nobody knows what that run froze.
    if (!recovery.containers.all_known && stuck.empty() && !recovery.containers.warnings.empty())
        stuck = recovery.containers.warnings.front();
    if (!stuck.empty())
        throw Error(
            ExitCode::not_released, "an earlier run left something that could not be put back: " + stuck,
            std::string("put it back by hand, then run `miraclemax recover`") +
                (any_refused
                     ? "; if it is restored data that it doesn't start on: `miraclemax restore --undo`"
                     : ""));
    if (!moving.empty())
        throw Error(ExitCode::busy,
                    "component " + moving + " is being restored, or put in order, by another process",
                    "wait until it has ended: `miraclemax status`");
}

std::string start_the_waiting(const Context& context) {
    try {
        // What this run itself has in hand is nothing to wait for.
        if (!quiesce::dead_journals(context.settings.journals()).empty())
            undo_dead_runs(context, false, Unstarted::blocks);
        return {};
    } catch (const Error& error) {
        if (error.code() == ExitCode::interrupted)
            throw;
        return error.what();
    }
}

Execution::Execution(const Context& context)
    : context_(context), run_(new_run_name()), journal_(context.settings.journals(), run_),
      control_(context.settings.control() / run_) {
    drop_old_controls(context.settings);
    std::error_code trouble;
    std::filesystem::create_directories(control_.parent_path(), trouble);
    if (::mkdir(control_.c_str(), 0700) != 0)
        throw stream::write_error("create", control_, errno);
}

Execution::~Execution() {
    std::error_code trouble; // the next run drops what stays
    std::filesystem::remove_all(control_, trouble);
}

void Execution::close() {
    try {
        if (journal_.open().empty())
            journal_.close();
    } catch (const Error& error) {
        context_.observer.warned(error.what());
    }
}

} // namespace miraclemax::run
