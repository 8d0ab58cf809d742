// The two clocks that the sidecar goes by, in one place: tests have their own.
#pragma once

#include <chrono>
#include <functional>

namespace miraclemax::serve {

// Both at one moment: against the steady one a step of the wall clock, or a sleep of the host, shows.
struct Now {
    std::chrono::system_clock::time_point wall;
    std::chrono::steady_clock::time_point steady;
};

// Any thread.
using Clock = std::function<Now()>;

// This machine's.
[[nodiscard]] inline Now real_time() {
    return {.wall = std::chrono::system_clock::now(), .steady = std::chrono::steady_clock::now()};
}

} // namespace miraclemax::serve
