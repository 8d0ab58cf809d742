#include "worker/heartbeat.hpp"

#include "worker/protocol.hpp"

#include <poll.h>

namespace miraclemax::worker {

Heartbeat::Heartbeat(Channel& channel, std::atomic<std::uint64_t>& moved, std::function<void()> gone)
    : channel_(channel), moved_(moved), gone_(std::move(gone)),
      thread_([this](const std::stop_token& stop) { beat(stop); }) {}

void Heartbeat::stop() {
    thread_.request_stop();
    thread_.join();
}

Heartbeat::Uncounted::Uncounted(Heartbeat& heartbeat) : heartbeat_(heartbeat) {
    heartbeat_.ticks_ = 1800;
}

void Heartbeat::beat(const std::stop_token& stop) noexcept {
    for (int tick = 1; !stop.stop_requested(); ++tick) {
        pollfd one{.fd = channel_.descriptor(), .events = POLLRDHUP, .revents = 0};
        const bool closed = ::poll(&one, 1, 50) > 0 && !stop.stop_requested();
        if (closed || (tick % 20 == 0 && !say())) {
            gone_();
            return;
        }
    }
}

bool Heartbeat::say() noexcept {
    if (ticks_ > 0) {
        --ticks_;
        ++moved_;
    }
    try {
        channel_.offer(encode(Reply{Alive{moved_}}));
        return true;
    } catch (...) {
        return false;
    }
}

} // namespace miraclemax::worker
