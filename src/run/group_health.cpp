#include "run/group_health.hpp"

#include "error.hpp"
#include "run/undo_restore.hpp"

#include "quiesce/recovery.hpp"

#include <algorithm>

namespace miraclemax::run {
namespace {

bool is_among(const std::vector<std::string>& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

class GroupHealth {
public:
    GroupHealth(const Context& context, RestoreObserver& observer, Execution& execution,
                const RestoreRequest& request, RestoreRecords& records, RestoreRecord& record,
                const Awaited& awaited, RestoreResult& result)
        : context_(context), observer_(observer), execution_(execution), request_(request), records_(records),
          record_(record), awaited_(awaited), down_(awaited.unstarted), result_(result) {}

    void operator()() {
        if (!all_good()) {
            if (result_.code == ExitCode::ok || result_.code == ExitCode::incomplete)
                result_.code = ExitCode::unhealthy;
            if (request_.rollback_on_unhealthy && roll_back())
                start_on_the_old_data();
        }
        for (const auto& each : down_)
            result_.unreleased.push_back(told(each));
    }

private:
    bool all_good();
    bool roll_back();
    void start_on_the_old_data();
    void start_down(const std::function<bool(const LeftDown::Unstarted&)>& wanted);
    [[nodiscard]] std::vector<std::string> with_old_data() const;
    [[nodiscard]] std::string told(const LeftDown::Unstarted& each) const;

    const Context& context_;
    RestoreObserver& observer_;
    Execution& execution_;
    const RestoreRequest& request_;
    RestoreRecords& records_;
    RestoreRecord& record_;
    const Awaited& awaited_;
    std::vector<LeftDown::Unstarted> down_; // still
    RestoreResult& result_;
    bool rolled_back_ = false;
};

bool GroupHealth::all_good() {
    const auto& settings = context_.settings;
    bool good = true;
    std::vector<std::string> came_up;
    for (auto& each : await_health(context_.engine, awaited_.stopped, settings.settle_time,
                                   settings.health_patience, context_.stop)) {
        if (each.good)
            came_up.push_back(each.container);
        for (const auto& down : down_)
            if (!each.good && down.entry.name == each.container)
                each.what = "not started: " + down.why;
        observer_.health(each);
        good = good && each.good;
        result_.health.push_back(std::move(each));
    }
    start_down([&](const auto& each) { return is_among(came_up, each.entry.name); }); // by somebody else
    return good;
}

// What a restore made, or did in place, has nothing to go back to.
std::vector<std::string> GroupHealth::with_old_data() const {
    std::vector<std::string> found;
    for (const auto& each : record_.components)
        if (each.step == Step::swapped && is_among(awaited_.components, each.component))
            found.push_back(each.component);
    return found;
}

bool GroupHealth::roll_back() {
    const auto back = with_old_data();
    for (const auto& each : awaited_.components)
        if (!is_among(back, each))
            context_.observer.warned(each + " keeps the restored data: nothing of it lies aside");
    if (back.empty())
        return false;
    undo_components(context_, observer_, execution_, records_, back);
    for (auto& each : records_.all()) // what the undo wrote is what the next group goes on from
        if (each.run == record_.run)
            record_ = std::move(each);
    result_.rolled_back = rolled_back_ = true;
    return true;
}

// Who ended on the restored data, or never began, ran on the old, so it is to run on that again.
void GroupHealth::start_on_the_old_data() {
    start_down([](const auto&) { return true; });
    for (const auto& name : awaited_.stopped)
        try {
            const auto down = [&](const auto& each) { return each.entry.name == name; };
            if (std::any_of(down_.begin(), down_.end(), down))
                continue;
            const auto container = context_.engine.container(name);
            if (container &&
                (container->state == podman::State::exited || container->state == podman::State::stopped))
                context_.engine.start(container->id);
        } catch (const Error& error) {
            context_.observer.warned(name + " could not be started on the old data: " + error.what());
        }
}

void GroupHealth::start_down(const std::function<bool(const LeftDown::Unstarted&)>& wanted) {
    // As recovery does: who was stopped last is started first.
    std::stable_sort(down_.begin(), down_.end(),
                     [](const auto& one, const auto& other) { return one.entry.stage > other.entry.stage; });
    std::erase_if(down_, [&](LeftDown::Unstarted& each) {
        if (!wanted(each))
            return false;
        const auto undone = quiesce::undo(context_.engine, each.entry);
        if (!undone.ok) {
            each.why = undone.what;
            return false;
        }
        try {
            execution_.journal().done(each.entry.id);
        } catch (const Error& error) {
            context_.observer.warned(each.entry.name + ": " + error.what());
        }
        return true;
    });
}

std::string GroupHealth::told(const LeftDown::Unstarted& each) const {
    const auto& name = each.entry.name;
    if (rolled_back_)
        return "container " + name + " could not be started on the old data either: " + each.why +
               " (`miraclemax recover` tries it again)";
    std::string undo;
    for (const auto& component : with_old_data())
        undo += " --component " + component;
    return "container " + name + " could not be started on the restored data: " + each.why + " (" +
           (undo.empty() ? ""
                         : "`miraclemax restore --undo" + undo + "` puts the old data back and starts it; ") +
           "`miraclemax recover` tries to start it as it is)";
}

} // namespace

void await_group(const Context& context, RestoreObserver& observer, Execution& execution,
                 const RestoreRequest& request, RestoreRecords& records, RestoreRecord& record,
                 const Awaited& awaited, RestoreResult& result) {
    GroupHealth(context, observer, execution, request, records, record, awaited, result)();
}

} // namespace miraclemax::run
