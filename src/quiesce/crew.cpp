#include "quiesce/crew.hpp"

#include <algorithm>
#include <system_error>

namespace miraclemax::quiesce {

Crew::Crew(std::size_t count, std::function<void(std::size_t)> act) : count_(count), act_(std::move(act)) {
    constexpr std::size_t most = 16;
    try {
        threads_.reserve(most);
        for (std::size_t i = 0; i < std::min(count_, most); ++i)
            threads_.emplace_back([this] { work(); });
    } catch (const std::system_error&) { // no more threads: those that run, and join(), do it all
    }
}

Crew::~Crew() {
    join();
}

void Crew::work() {
    for (std::size_t i = next_++; i < count_; i = next_++) {
        act_(i);
        const std::lock_guard lock(mutex_);
        ++finished_;
        ended_.notify_all();
    }
}

bool Crew::finished_within(std::chrono::milliseconds time) {
    if (threads_.empty())
        work();
    std::unique_lock lock(mutex_);
    return ended_.wait_for(lock, time, [this] { return finished_ == count_; });
}

void Crew::join() {
    work();
    for (auto& thread : threads_)
        thread.join();
    threads_.clear();
}

} // namespace miraclemax::quiesce
