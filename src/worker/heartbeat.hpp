// Within src/worker only: the sign of life of a worker, and its ear for the end of its controller.
#pragma once

#include "worker/channel.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <thread>

namespace miraclemax::worker {

// Says every second, from a thread of its own, that the process lives and how far its work got. Channel and
// counter are borrowed. The destructor ends the thread.
class Heartbeat {
public:
    // `gone` is called once from the thread when the controller has closed the connection: whatever the main
    // thread is doing, nobody waits for it any more.
    Heartbeat(Channel& channel, std::atomic<std::uint64_t>& moved, std::function<void()> gone);
    void stop();

    // While one lives, time itself counts as movement, for half an hour: the work is one system call, or many
    // small ones, that nobody can count.
    class Uncounted {
    public:
        explicit Uncounted(Heartbeat& heartbeat);
        ~Uncounted() { heartbeat_.ticks_ = 0; }
        Uncounted(const Uncounted&) = delete;
        Uncounted& operator=(const Uncounted&) = delete;

    private:
        Heartbeat& heartbeat_;
    };

private:
    void beat(const std::stop_token& stop) noexcept;
    bool say() noexcept; // false: the controller is gone

    Channel& channel_;
    std::atomic<std::uint64_t>& moved_;
    std::atomic<int> ticks_ = 0; // seconds that still count as movement
    std::function<void()> gone_;
    std::jthread thread_;
};

} // namespace miraclemax::worker
