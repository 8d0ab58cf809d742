#include "quiesce/window_impl.hpp"

#include "quiesce/crew.hpp"
#include "quiesce/hook.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <functional>

namespace miraclemax::quiesce {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

void Window::Impl::warn(const std::string& text) {
    const std::lock_guard lock(mutex_);
    warnings_.push_back(text);
}

void Window::Impl::took(Held& held, const Recovered& result) {
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
        warn(fmt::format("{} {}", held.step().name, result.what));
}

void Window::Impl::settle(const Held& held) {
    if (held.hook_begun)
        return; // its journal entry ends with its after-hook
    try {
        journal_.done(held.step().id);
    } catch (const std::exception& error) {
        warn(fmt::format("{}: {}", held.step().name, error.what()));
    }
}

void Window::Impl::put_back(Held& held) {
    const auto result = held.put_back(engine_);
    took(held, result);
    if (result.ok && !held.in_doubt())
        settle(held);
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

void Window::Impl::watch(Held& held) {
    const auto result = held.watch(engine_);
    if (result)
        took(held, *result);
    if (!result || result->ok)
        settle(held);
}

// Only once everything is back: nobody waits for that, and its time is no freeze.
void Window::Impl::watch_all() {
    std::vector<Held*> doubted;
    for (const auto& held : all_)
        if (held->phase == Held::Phase::released && held->in_doubt())
            doubted.push_back(held.get());
    Crew crew(doubted.size(), [&](std::size_t i) { watch(*doubted[i]); });
    crew.join();
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
    if (left_)
        return report();
    put_back_all();
    watch_all();
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

// What is still frozen counts up to now.
FreezeReport Window::Impl::report() const {
    FreezeReport report;
    const std::lock_guard lock(mutex_);
    const auto now = clock_();
    auto last = last_;
    for (const auto& held : all_) {
        if (!held->frozen())
            continue;
        const bool still = held->phase == Held::Phase::acted;
        if (still)
            last = now;
        const auto trouble = not_back_.find(held->step().id);
        report.containers.push_back(
            {.id = held->step().id,
             .name = held->step().name,
             .how = held->how(),
             .time = still ? duration_cast<milliseconds>(now - held->since) : held->time,
             .not_back = trouble == not_back_.end() ? "" : trouble->second});
    }
    if (first_ && last)
        report.time = duration_cast<milliseconds>(*last - *first_);
    report.warnings = warnings_;
    return report;
}

} // namespace miraclemax::quiesce
