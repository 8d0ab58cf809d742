#include "quiesce/window_impl.hpp"

#include "quiesce/crew.hpp"
#include "quiesce/hook.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <atomic>
#include <exception>
#include <set>

namespace miraclemax::quiesce {

using std::chrono::milliseconds;

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
        return too_late();
    return std::nullopt;
}

Error Window::Impl::too_late() const {
    return {ExitCode::failed,
            fmt::format("freezing {} took longer than max-freeze ({} ms)", plan_.group,
                        plan_.max_freeze->count()),
            "raise miraclemax.max-freeze, or let its containers be paused instead of stopped"};
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
            // One may wait long for a stop to end: the others needn't wait for it. It is itself put back when
            // the stop has ended: a stop can't be called off, and a second one with a shorter time would
            // kill.
            broken_off = true;
            put_back_all();
        }
    }
    for (const auto& failure : failures)
        if (failure)
            std::rethrow_exception(failure);
    check(stop);
}

// The group is held meanwhile: one container that podman doesn't answer for must not hold it for long.
std::optional<std::string> Window::Impl::moved(const component::Group& group,
                                               const std::optional<std::string>& self_id) {
    podman::Limits limits{.each = std::chrono::seconds(5)};
    if (const auto end = deadline()) {
        limits.all = std::chrono::floor<milliseconds>(*end - now());
        if (limits.all.count() <= 0)
            throw too_late();
    }
    const auto containers = engine_.containers(limits);
    std::set<std::string> frozen;
    for (const auto& held : all_) {
        if (held->phase != Held::Phase::acted)
            continue;
        if (auto text = held->moved(containers))
            return text;
        frozen.insert(held->step().id);
    }
    return bystanders_.moved(group, containers, self_id, frozen);
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
void Window::leave() noexcept {
    impl_->leave();
}
FreezeReport Window::report() const {
    return impl_->report();
}

} // namespace miraclemax::quiesce
