#include "quiesce/held.hpp"

#include "error.hpp"
#include "stream/fault_point.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

namespace miraclemax::quiesce {

using podman::Container;
using podman::State;
using SteadyClock = std::chrono::steady_clock;

namespace {

bool stopped(State state) {
    return state == State::exited || state == State::stopped;
}

// A refusal comes at once; an answer that timed out may be followed by the act.
std::chrono::milliseconds doubt_after(SteadyClock::duration call) {
    return std::chrono::milliseconds(call < std::chrono::seconds(1) ? 300 : 5000);
}

} // namespace

Held::Held(Step step, int stage, bool may_stop)
    : step_(std::move(step)), may_stop_(may_stop), entry_{.id = step_.id,
                                                          .name = step_.name,
                                                          .unit = step_.unit,
                                                          .act = Act::none,
                                                          .before = State::running,
                                                          .started_at = step_.started_at,
                                                          .after = step_.after,
                                                          .stop_timeout = step_.stop_timeout,
                                                          .hook_timeout = step_.hook_timeout,
                                                          .stage = stage} {}

void Held::freeze(podman::Engine& engine, Journal& journal, const std::function<void()>& begin) {
    const auto container = engine.container(step_.id);
    if (!container || container->id != step_.id)
        throw Error(ExitCode::failed,
                    fmt::format("container {} is gone since the plan was made", step_.name));
    if (container->state != State::running)
        throw Error(ExitCode::failed, fmt::format("container {} is {} since the plan was made", step_.name,
                                                  podman::name_of(container->state)));
    if (container->started_at != step_.started_at)
        throw Error(ExitCode::failed,
                    fmt::format("container {} was started anew since the plan was made", step_.name));
    if (step_.act == Act::stop && container->auto_remove)
        throw Error(ExitCode::failed,
                    fmt::format("container {} must not be stopped: podman removes it then", step_.name));
    may_stop_ = may_stop_ && !container->auto_remove;
    entry_.act = step_.act;
    journal.intend(entry_);
    phase = Phase::acting;
    begin();
    try {
        if (step_.act == Act::pause)
            pause(engine, journal);
        else
            stop(engine);
        frozen_ = true;
    } catch (const Error& error) {
        phase = Phase::acted;
        throw error.with("container " + step_.name);
    } catch (...) {
        phase = Phase::acted;
        throw;
    }
    phase = Phase::acted;
}

void Held::pause(podman::Engine& engine, Journal& journal) {
    const auto begun = SteadyClock::now();
    try {
        MIRACLEMAX_FAULT_POINT("freeze.pause");
        engine.pause(step_.id);
        MIRACLEMAX_FAULT_POINT("freeze.pause");
    } catch (const Error&) {
        uncertain_ = doubt_after(SteadyClock::now() - begun);
        if (is(engine, State::paused)) // only the answer was lost
            return;
        if (!may_stop_ || state_now(engine) != State::running)
            throw;
        entry_.act = Act::stop;
        entry_.tried_pause = true;
        journal.intend(entry_);
        return stop(engine);
    }
    if (!is(engine, State::paused))
        throw Error(ExitCode::podman, "podman said that it paused it, but it is not paused");
}

void Held::stop(podman::Engine& engine) {
    constexpr int tries = 3;
    for (int tried = 1;; ++tried) {
        const auto begun = SteadyClock::now();
        try {
            MIRACLEMAX_FAULT_POINT("freeze.stop");
            engine.stop(step_.id, step_.stop_timeout);
            MIRACLEMAX_FAULT_POINT("freeze.stop");
        } catch (const Error&) {
            uncertain_ = doubt_after(SteadyClock::now() - begun);
            const auto state = state_now(engine);
            if (stopped(state))
                return;
            // A podman service that died within a stop leaves this state behind; a second stop ends it.
            if (state != State::stopping || tried == tries)
                throw;
            continue;
        }
        if (stopped(state_now(engine)))
            return;
        if (tried == tries)
            throw Error(ExitCode::podman, "podman said that it stopped it, but it is not stopped");
    }
}

State Held::state_now(podman::Engine& engine) const {
    const auto container = engine.container(step_.id);
    return container && container->id == step_.id ? container->state : State::unknown;
}

bool Held::is(podman::Engine& engine, State state) const {
    return state_now(engine) == state;
}

Recovered Held::put_back(podman::Engine& engine) {
    auto result = undo(engine, entry_);
    back_ = SteadyClock::now();
    if (result.ok)
        phase = Phase::released;
    return result;
}

std::optional<Recovered> Held::watch(podman::Engine& engine) {
    std::optional<Recovered> result;
    const auto until = back_ + uncertain_;
    while (SteadyClock::now() < until && (!result || result->ok)) {
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        try {
            if (is(engine, State::running))
                continue;
        } catch (const std::exception&) { // undo() has the patience for that
        }
        auto again = undo(engine, entry_);
        if (!again.ok || again.what != "was already running")
            result = std::move(again);
    }
    uncertain_ = std::chrono::milliseconds(0);
    if (result && !result->ok)
        phase = Phase::acted;
    return result;
}

std::optional<std::string> Held::moved(const std::vector<Container>& containers) const {
    const auto now = std::find_if(containers.begin(), containers.end(),
                                  [&](const Container& one) { return one.id == step_.id; });
    for (const auto& other : containers)
        if (other.name == step_.name && other.id != step_.id)
            return fmt::format("container {} was replaced by another one while it was frozen", step_.name);
    if (now == containers.end())
        return fmt::format("container {} is gone since it was frozen", step_.name);
    if (entry_.act == Act::pause ? now->state != State::paused : !stopped(now->state))
        return fmt::format("container {} was {}, and is {} now", step_.name,
                           entry_.act == Act::pause ? "paused" : "stopped", podman::name_of(now->state));
    if (now->started_at != step_.started_at)
        return fmt::format("container {} was started anew while it was frozen", step_.name);
    return std::nullopt;
}

} // namespace miraclemax::quiesce
