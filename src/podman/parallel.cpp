#include "podman/parallel.hpp"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace miraclemax::podman {

void in_parallel(std::size_t count, const std::function<void(std::size_t)>& act) {
    constexpr std::size_t most = 8;
    std::atomic<std::size_t> next{0};
    std::mutex mutex;
    std::exception_ptr failure;
    const auto work = [&] {
        for (auto i = next++; i < count; i = next++) {
            try {
                act(i);
            } catch (...) {
                const std::lock_guard lock(mutex);
                if (!failure)
                    failure = std::current_exception();
                next = count;
            }
        }
    };
    {
        std::vector<std::jthread> threads;
        try {
            for (std::size_t i = 1; i < std::min(count, most); ++i)
                threads.emplace_back(work);
        } catch (const std::system_error&) { // no more threads: those that run, and this one, do it all
        }
        work();
    }
    if (failure)
        std::rethrow_exception(failure);
}

} // namespace miraclemax::podman
