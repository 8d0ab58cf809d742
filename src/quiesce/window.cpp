#include "quiesce/window.hpp"

#include "error.hpp"
#include "quiesce/asked.hpp"
#include "quiesce/crew.hpp"
#include "quiesce/held.hpp"
#include "quiesce/hook.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <functional>
#include <map>
#include <mutex>

namespace miraclemax::quiesce {

using std::chrono::duration_cast;
using std::chrono::milliseconds;
using TimePoint = std::chrono::steady_clock::time_point;

class Window::Impl {
public:
    Impl(podman::Engine& engine, Journal& journal, FreezePlan plan, Clock clock)
        : engine_(engine), journal_(journal), plan_(std::move(plan)), clock_(std::move(clock)) {
        for (std::size_t stage = 0; stage < plan_.stages.size(); ++stage)
            for (const auto& step : plan_.stages[stage]) {
                const auto may_stop = plan_.may_stop.find(step.id);
                all_.push_back(std::make_unique<Held>(step, static_cast<int>(stage),
                                                      may_stop != plan_.may_stop.end() && may_stop->second));
            }
    }

    void freeze(const std::stop_token& stop);
    [[nodiscard]] std::optional<TimePoint> deadline() const;
    [[nodiscard]] std::optional<std::string> moved(const component::Group& group,
                                                   const std::optional<std::string>& self_id);
    FreezeReport release();

private:
    void run_before_hooks(const std::stop_token& stop);
    void freeze_stage(const std::vector<Held*>& stage, const std::stop_token& stop);
    void check(const std::stop_token& stop) const;
    [[nodiscard]] std::optional<Error> interruption(const std::stop_token& stop) const;
    void begin(Held& held);
    void put_back_all();
    void put_back(Held& held);
    void run_after_hooks();
    void warn(const std::string& text);
    [[nodiscard]] FreezeReport report() const;
    [[nodiscard]] TimePoint now() const {
        const std::lock_guard lock(mutex_);
        return clock_();
    }

    podman::Engine& engine_;
    Journal& journal_;
    const FreezePlan plan_;
    std::vector<std::unique_ptr<Held>> all_; // in the plan's order
    mutable std::mutex mutex_;               // guards all below
    Clock clock_;
    std::optional<TimePoint> first_, last_;
    std::map<std::string, std::string> not_back_; // why, by container id
    std::vector<std::string> warnings_;
};

void Window::Impl::warn(const std::string& text) {
    const std::lock_guard lock(mutex_);
    warnings_.push_back(text);
}

void Window::Impl::begin(Held& held) {
    const std::lock_guard lock(mutex_);
    held.since = clock_();
    if (!first_)
        first_ = held.since;
}

std::optional<TimePoint> Window::Impl::deadline() const {
    const std::lock_guard lock(mutex_);
    if (!first_ || !plan_.max_freeze)
        return std::nullopt;
    return *first_ + *plan_.max_freeze;
}

std::optional<Error> Window::Impl::interruption(const std::stop_token& stop) const {
    if (stop.stop_requested())
        return Error(ExitCode::interrupted, fmt::format("interrupted while freezing {}", plan_.group));
    if (const auto end = deadline(); end && now() >= *end)
        return Error(ExitCode::failed,
                     fmt::format("freezing {} took longer than max-freeze ({} ms)", plan_.group,
                                 plan_.max_freeze->count()),
                     "raise miraclemax.max-freeze, or let its containers be paused instead of stopped");
    return std::nullopt;
}

void Window::Impl::check(const std::stop_token& stop) const {
    if (const auto error = interruption(stop))
        throw *error;
}

void Window::Impl::freeze(const std::stop_token& stop) {
    if (!plan_.refusals.empty())
        throw Error(ExitCode::failed,
                    fmt::format("{} can't be frozen: {}", plan_.group, fmt::join(plan_.refusals, "; ")));
    std::optional<Error> failure;
    try {
        check(stop);
        run_before_hooks(stop);
        for (int stage = 0; stage < static_cast<int>(plan_.stages.size()); ++stage) {
            std::vector<Held*> held;
            for (const auto& one : all_)
                if (one->stage() == stage && one->step().act != Act::none)
                    held.push_back(one.get());
            freeze_stage(held, stop);
        }
        check(stop);
        return;
    } catch (const Error& error) {
        failure = error;
    } catch (const std::exception& error) {
        failure = Error(ExitCode::failed, fmt::format("freezing {}: {}", plan_.group, error.what()));
    }
    try {
        const auto released = release();
        if (!released.warnings.empty())
            failure = Error(failure->code(),
                            fmt::format("{} ({})", failure->what(), fmt::join(released.warnings, "; ")),
                            failure->remedy());
    } catch (const Error& error) {
        throw Error(error.code(), fmt::format("{}; and then: {}", failure->what(), error.what()),
                    error.remedy());
    }
    throw *failure;
}

// The intent comes first, so that a run that dies after the before-hook still owes the after-hook.
void Window::Impl::run_before_hooks(const std::stop_token& stop) {
    for (const auto& held : all_) {
        if (!held->hooked())
            continue;
        check(stop);
        journal_.intend(held->entry());
        held->hook_begun = true;
        try {
            if (!held->step().before.empty())
                run_hook(engine_, "before", held->entry(), held->step().before);
        } catch (const Error& error) {
            throw error.with("container " + held->step().name);
        }
    }
}

void Window::Impl::freeze_stage(const std::vector<Held*>& stage, const std::stop_token& stop) {
    std::atomic<bool> broken_off{false};
    std::vector<std::exception_ptr> failures(stage.size());
    {
        Crew crew(stage.size(), [&](std::size_t i) {
            try {
                if (!broken_off && !interruption(stop))
                    stage[i]->freeze(engine_, journal_, [&] { begin(*stage[i]); });
            } catch (...) {
                failures[i] = std::current_exception();
                broken_off = true;
            }
        });
        while (!crew.finished_within(milliseconds(10))) {
            if (!broken_off && !interruption(stop))
                continue;
            // One may wait long for a stop to end: the others needn't wait for it.
            broken_off = true;
            put_back_all();
        }
    }
    for (const auto& failure : failures)
        if (failure)
            std::rethrow_exception(failure);
    check(stop);
}

void Window::Impl::put_back(Held& held) {
    const auto result = held.put_back(engine_);
    const auto& name = held.step().name;
    {
        const std::lock_guard lock(mutex_);
        last_ = clock_();
        held.time = duration_cast<milliseconds>(*last_ - held.since);
        if (!result.ok) {
            not_back_[held.step().id] = result.what;
            return;
        }
        not_back_.erase(held.step().id);
    }
    if (held.frozen() && result.what != "unpaused" && result.what != "started")
        warn(fmt::format("{} {}", name, result.what));
    if (held.hook_begun)
        return; // its journal entry ends with its after-hook
    try {
        journal_.done(held.step().id);
    } catch (const std::exception& error) {
        warn(fmt::format("{}: {}", name, error.what()));
    }
}

// Unpauses first, all at once; then starts, the last stage first. What still acts is left for the next call.
void Window::Impl::put_back_all() {
    std::map<int, std::vector<Held*>, std::greater<>> passes;
    constexpr int unpauses = 1'000'000;
    for (const auto& held : all_)
        if (held->phase == Held::Phase::acted)
            passes[held->how() == Act::pause ? unpauses : held->stage()].push_back(held.get());
    for (const auto& [pass, list] : passes) {
        const auto& members = list;
        Crew crew(members.size(), [&](std::size_t i) { put_back(*members[i]); });
        crew.join();
    }
}

void Window::Impl::run_after_hooks() {
    for (const auto& held : all_) {
        if (!held->hook_begun || held->phase == Held::Phase::acted)
            continue;
        held->hook_begun = false;
        if (const auto trouble = run_after_hook(engine_, held->entry()))
            warn(*trouble);
        try {
            journal_.done(held->step().id);
        } catch (const std::exception& error) {
            warn(fmt::format("{}: {}", held->step().name, error.what()));
        }
    }
}

FreezeReport Window::Impl::release() {
    put_back_all();
    run_after_hooks();
    std::vector<std::string> texts, remedies;
    for (const auto& held : all_) {
        const auto trouble = not_back_.find(held->step().id);
        if (trouble == not_back_.end())
            continue;
        texts.push_back(
            fmt::format("container {} could not be put back: {}", held->step().name, trouble->second));
        remedies.push_back(
            fmt::format("podman {} {}", held->how() == Act::pause ? "unpause" : "start", held->step().name));
    }
    if (!texts.empty())
        throw Error(ExitCode::not_released, fmt::format("{}", fmt::join(texts, "; ")),
                    fmt::format("run `miraclemax recover`, or by hand: {}", fmt::join(remedies, "; ")));
    return report();
}

FreezeReport Window::Impl::report() const {
    FreezeReport report;
    for (const auto& held : all_)
        if (held->frozen())
            report.containers.push_back(
                {.id = held->step().id, .name = held->step().name, .how = held->how(), .time = held->time});
    const std::lock_guard lock(mutex_);
    if (first_ && last_)
        report.time = duration_cast<milliseconds>(*last_ - *first_);
    report.warnings = warnings_;
    return report;
}

std::optional<std::string> Window::Impl::moved(const component::Group& group,
                                               const std::optional<std::string>& self_id) {
    const auto containers = engine_.containers();
    std::map<std::string, const Held*> frozen;
    for (const auto& held : all_) {
        if (held->phase != Held::Phase::acted)
            continue;
        if (auto text = held->moved(containers))
            return text;
        frozen[held->step().id] = held.get();
    }
    for (const auto& part : component::group(group.members, containers, self_id))
        for (const auto& writer : part.writers) {
            const auto container = std::find_if(containers.begin(), containers.end(),
                                                [&](const auto& one) { return one.id == writer.id; });
            if (container == containers.end() || frozen.count(writer.id) != 0)
                continue;
            const auto state = container->state;
            if (state != podman::State::running && state != podman::State::stopping)
                continue;
            if (asked_of(*container, group).quiesce != component::Quiesce::none)
                return fmt::format("container {} writes to {} and is not frozen", writer.name,
                                   fmt::join(writer.components, ", "));
        }
    return std::nullopt;
}

Window::Window(podman::Engine& engine, Journal& journal, FreezePlan plan, Clock clock)
    : impl_(std::make_unique<Impl>(engine, journal, std::move(plan), std::move(clock))) {}

Window::~Window() {
    try {
        static_cast<void>(impl_->release());
    } catch (...) { // what is not back stays in the journal
    }
}

void Window::freeze(const std::stop_token& stop) {
    impl_->freeze(stop);
}
std::optional<TimePoint> Window::deadline() const {
    return impl_->deadline();
}
std::optional<std::string> Window::moved(const component::Group& group,
                                         const std::optional<std::string>& self_id) {
    return impl_->moved(group, self_id);
}
FreezeReport Window::release() {
    return impl_->release();
}

} // namespace miraclemax::quiesce
