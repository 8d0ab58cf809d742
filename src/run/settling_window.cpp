#include "run/settling_window.hpp"

#include "error.hpp"
#include "run/context.hpp"
#include "run/restore_place.hpp"
#include "run/restore_plan.hpp"

#include "quiesce/dependencies.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace miraclemax::run {
namespace {

using podman::State;

// Whoever brings them back at once would be stopped every two seconds, by the daemon.
constexpr std::size_t attempts = 3;

bool named(const std::vector<std::string>& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

bool is_down(State state) {
    return state == State::created || state == State::initialized || state == State::stopped ||
           state == State::exited || state == State::removing;
}

// As one group: a container that uses the data of two of a kind is stopped once.
RestoreGroup group_of(const RestoreRecord& record, const std::vector<std::string>& members,
                      const Host& host) {
    RestoreGroup group;
    for (const auto& each : record.components)
        if (named(members, each.component))
            group.group.members.push_back(target_of(each, host));
    group.group.name = fmt::format("{}", fmt::join(members, "+"));
    replan_stop(group, host);
    return group;
}

std::vector<std::string> users_of(const RestoreGroup& group, const Host& host) {
    std::vector<std::string> names;
    for (const auto& writer : group.group.writers)
        if (std::any_of(host.containers.begin(), host.containers.end(),
                        [&](const auto& each) { return each.id == writer.id && !is_down(each.state); }))
            names.push_back(writer.name);
    return names;
}

bool at_rest(Step step) {
    return step == Step::undone || step == Step::discarding || step == Step::strays;
}

bool half_moved(const RestoreRecord& record, const RestoredComponent& each) {
    return !at_rest(each.step) &&
           std::any_of(record.components.begin(), record.components.end(),
                       [&](const auto& other) { return together(each, other) && holds_up(record, other); });
}

Error in_use(const std::string& users, const std::string& why) {
    return {ExitCode::failed, fmt::format("its half-moved data is in use ({}): `podman stop {}`, then "
                                          "`miraclemax recover`",
                                          why, users)};
}

} // namespace

bool any_half_moved(const std::vector<RestoreRecord>& records) {
    return std::any_of(records.begin(), records.end(), [](const RestoreRecord& record) {
        return std::any_of(record.components.begin(), record.components.end(),
                           [&](const auto& each) { return holds_up(record, each); });
    });
}

std::set<std::string> users_of_half_moved(const std::vector<RestoreRecord>& records, const Host& host) {
    std::set<std::string> users;
    for (const auto& record : records) {
        std::vector<std::string> members;
        for (const auto& each : record.components)
            if (half_moved(record, each) && !gone(host, each))
                members.push_back(each.component);
        for (const auto& writer : group_of(record, members, host).group.writers)
            users.insert(writer.id);
    }
    const quiesce::Dependencies dependencies(host.containers);
    auto waiting = users;
    for (const auto& container : host.containers)
        for (const auto& needed : dependencies.needs(container.id))
            if (users.contains(needed))
                waiting.insert(container.id);
    return waiting;
}

SettlingWindow::SettlingWindow(const Settings& settings, podman::Engine& engine, const Host& host,
                               RestoreRecords& records, RestoreRecord& record,
                               const std::vector<std::string>& members, const std::stop_token& stop)
    : records_(records), record_(record) {
    for (const auto& each : record.components)
        for (const auto& member : members)
            if (together(each, find(record, member)) && !named(group_, each.component))
                group_.push_back(each.component);
    const Host now = look_again(engine, host);
    const auto group = group_of(record, members, now);
    users_ = fmt::format("{}", fmt::join(users_of(group, now), " "));
    if (users_.empty())
        return;
    if (!group.stop.refusals.empty())
        throw in_use(users_, group.stop.refusals.front());
    if (stop.stop_requested())
        throw in_use(users_, "interrupted before they were stopped");
    if (tried() >= attempts)
        throw in_use(users_, fmt::format("they were stopped {} times in vain", attempts));
    try {
        halt(settings, engine, group, now, stop);
    } catch (const std::exception& error) {
        throw in_use(users_, error.what());
    }
}

// An exception on the way: what is stopped stays so, as in end().
SettlingWindow::~SettlingWindow() {
    if (window_)
        window_->leave();
}

void SettlingWindow::halt(const Settings& settings, podman::Engine& engine, const RestoreGroup& group,
                          const Host& now, const std::stop_token& stop) {
    const auto run = new_run_name();
    journal_ = std::make_unique<quiesce::Journal>(settings.journals(), run);
    mark(run);
    auto window = std::make_unique<quiesce::Window>(engine, *journal_, group.stop);
    std::optional<std::string> moved;
    try {
        window->freeze(stop);
        moved = window->moved(group.group, now.self_id());
        if (moved)
            window->release(); // they have been on it before
    } catch (...) {
        unmark(run); // nothing was moved: whoever is not back yet need not wait
        throw;
    }
    if (moved)
        throw Error(ExitCode::failed, *moved);
    window_ = std::move(window);
    host_ = now;
    for (const auto& stage : group.stop.stages)
        for (const auto& step : stage)
            stopped_.emplace(step.id, step.name);
}

void SettlingWindow::mark(const std::string& run) {
    change_marks([&](Names& halted_by) { halted_by.push_back(run); });
}

void SettlingWindow::unmark(const std::string& run) noexcept {
    drop_marks([&](Names& halted_by) { std::erase(halted_by, run); });
}

// A restore's undo may be cut off too, one day.
void SettlingWindow::forget_marks() noexcept {
    if (tried() > 0 && settled())
        drop_marks([](Names& halted_by) { halted_by.clear(); });
}

void SettlingWindow::drop_marks(const std::function<void(Names&)>& drop) noexcept {
    try {
        change_marks(drop);
    } catch (const std::exception&) { // the next recovery tries again
    }
}

void SettlingWindow::change_marks(const std::function<void(Names&)>& change) {
    auto next = record_;
    for (const auto& name : group_)
        if (auto* entry = entry_of(next, name)) // one that was settled may be gone from it
            change(entry->halted_by);
    records_.keep(next);
    record_ = std::move(next);
}

std::size_t SettlingWindow::tried() const {
    std::size_t times = 0;
    for (const auto& each : record_.components) // one that was settled may be gone from it
        if (named(group_, each.component))
            times = std::max(times, each.halted_by.size());
    return times;
}

bool SettlingWindow::settled() const {
    return std::none_of(record_.components.begin(), record_.components.end(), [&](const auto& each) {
        return named(group_, each.component) && holds_up(record_, each);
    });
}

SettlingWindow::Names SettlingWindow::waiting() const {
    const auto all = users_of_half_moved(records_.all(), host_);
    Names names;
    for (const auto& [id, name] : stopped_)
        if (all.contains(id))
            names.push_back(name);
    return names;
}

std::string SettlingWindow::end() {
    if (!window_) {
        forget_marks();
        return {};
    }
    const auto window = std::move(window_);
    if (!settled()) {
        window->leave();
        return "; stopped until then: " + users_;
    }
    if (const auto names = waiting(); !names.empty()) {
        forget_marks(); // the replay that follows starts the others, and a later one these
        window->leave();
        return fmt::format("; stopped until all that they use is whole: {}", fmt::join(names, " "));
    }
    try {
        window->release();
        forget_marks();
    } catch (const Error&) { // what is not back is in the journal, and the replay that follows tells
    }
    return "; stopped meanwhile: " + users_;
}

} // namespace miraclemax::run
