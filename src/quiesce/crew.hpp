// Threads for the containers of one stage.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace miraclemax::quiesce {

// Calls act(0) to act(count - 1), up to 16 at a time. `act` must not throw. Used by one thread.
class Crew {
public:
    Crew(std::size_t count, std::function<void(std::size_t)> act);
    ~Crew(); // joins
    Crew(const Crew&) = delete;
    Crew& operator=(const Crew&) = delete;

    // True when all calls have ended; waits for that at most so long.
    bool finished_within(std::chrono::milliseconds time);
    void join(); // helps, and waits for all

private:
    void work();

    const std::size_t count_;
    const std::function<void(std::size_t)> act_;
    std::atomic<std::size_t> next_{0};
    std::mutex mutex_;
    std::condition_variable ended_;
    std::size_t finished_ = 0;
    std::vector<std::jthread> threads_;
};

} // namespace miraclemax::quiesce
