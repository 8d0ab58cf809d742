// A freeze, and its undoing.
#pragma once

#include "podman/engine.hpp"
#include "quiesce/journal.hpp"

#include <functional>
#include <stop_token>

namespace miraclemax::quiesce {

struct Frozen {
    std::string id{}, name{};
    Act how = Act::pause;
    std::chrono::milliseconds time{0}; // from its act to its release
    std::string not_back{};            // after a release() that threw: why it is not; empty: it is
};

struct FreezeReport {
    std::vector<Frozen> containers{};
    std::chrono::milliseconds time{0};   // from the first act to the last release
    std::vector<std::string> warnings{}; // "after-hook of db ended with 1: …"
};

// RAII: freeze() to release(). The destructor releases what is still frozen (and what it can't release stays
// in the journal, for recovery). Used by one thread; it pauses and stops in parallel inside.
class Window {
public:
    // The clock may be called from several threads, one at a time.
    using Clock = std::function<std::chrono::steady_clock::time_point()>;
    Window(podman::Engine& engine, Journal& journal, FreezePlan plan,
           Clock clock = std::chrono::steady_clock::now);
    ~Window();
    Window(const Window&) = delete;
    Window& operator=(const Window&) = delete;

    // Before-hooks, then the stages; each act is journaled first. On any failure, on `stop`, or when
    // max_freeze has passed: releases everything and throws Error naming the container. A stop that is going
    // on can't be called off: the others are released at once, that container when it has ended.
    void freeze(const std::stop_token& stop);
    // When the group must be released at the latest.
    [[nodiscard]] std::optional<std::chrono::steady_clock::time_point> deadline() const;
    // Lists the host anew: a frozen container that is no longer frozen as it was (id, state, start time), or
    // a writer of the group that is not frozen, and that runs or was started since the first call. A
    // sentence, or nullopt when nothing moved. Throws Error when the host can't be listed within max_freeze
    // (or podman takes longer than 5 s for one container): release then.
    [[nodiscard]] std::optional<std::string> moved(const component::Group& group,
                                                   const std::optional<std::string>& self_id);
    // Undoes all, in the order opposite to freeze(); then after-hooks. Everything is tried before it throws
    // Error (not_released) naming the containers that could not be put back.
    FreezeReport release();
    // Everything stays as it is, and in the journal: neither release() nor the destructor acts any more. For
    // data that nobody may start on before recovery has put it in order.
    void leave() noexcept;
    // What is known so far, also after a release() that threw; what is still frozen counts up to now.
    [[nodiscard]] FreezeReport report() const;

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace miraclemax::quiesce
