// One container of a freeze, from its journal record to its release.
#pragma once

#include "podman/engine.hpp"
#include "quiesce/journal.hpp"
#include "quiesce/recovery.hpp"

#include <atomic>
#include <chrono>
#include <functional>
#include <optional>

namespace miraclemax::quiesce {

// Touched by one thread at a time; only `phase` may be read by others.
class Held {
public:
    enum class Phase {
        untouched,
        acting, // its intent is on disk; what podman made of it is not known yet
        acted,  // frozen, or the act failed: to be undone
        released,
    };

    Held(Step step, int stage, bool may_stop);

    // Reads it anew, writes the intent, calls `begin` (the clock starts), acts, and looks whether it is so.
    // Throws Error naming it.
    void freeze(podman::Engine& engine, Journal& journal, const std::function<void()>& begin);
    // Never throws.
    Recovered put_back(podman::Engine& engine);
    // After it was put back: true when a call that seemed to fail may still take effect.
    [[nodiscard]] bool in_doubt() const { return uncertain_.count() > 0; }
    // Waits until that is over. What had to be undone once more, if anything. Never throws.
    std::optional<Recovered> watch(podman::Engine& engine);
    // A sentence when it is not as freeze() left it.
    [[nodiscard]] std::optional<std::string> moved(const std::vector<podman::Container>& containers) const;

    [[nodiscard]] const Step& step() const { return step_; }
    [[nodiscard]] const Entry& entry() const { return entry_; }
    [[nodiscard]] Act how() const { return entry_.act; }
    [[nodiscard]] int stage() const { return entry_.stage; }
    [[nodiscard]] bool frozen() const { return frozen_; }
    [[nodiscard]] bool hooked() const { return !step_.before.empty() || !step_.after.empty(); }

    std::atomic<Phase> phase{Phase::untouched};
    bool hook_begun = false; // so its after-hook is owed
    std::chrono::steady_clock::time_point since{};
    std::chrono::milliseconds time{0};

private:
    void pause(podman::Engine& engine, Journal& journal);
    void stop(podman::Engine& engine);
    [[nodiscard]] bool is(podman::Engine& engine, podman::State state) const;
    [[nodiscard]] podman::State state_now(podman::Engine& engine) const;

    Step step_;
    bool may_stop_;
    Entry entry_;
    bool frozen_ = false;
    // How long a call that seemed to fail may still take effect behind our back.
    std::chrono::milliseconds uncertain_{0};
    std::chrono::steady_clock::time_point back_{};
};

} // namespace miraclemax::quiesce
