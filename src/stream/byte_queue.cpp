#include "stream/byte_queue.hpp"

#include <algorithm>
#include <cstring>

namespace miraclemax::stream {

// Both ends copy without the lock: a part of the ring belongs to one of them at a time, by begin_ and used_.
bool ByteQueue::write(Bytes bytes) {
    const auto room = [this] { return abandoned_ || used_ < ring_.size(); };
    std::unique_lock lock(mutex_);
    while (!bytes.empty()) {
        changed_.wait(lock, room);
        if (abandoned_) {
            return false;
        }
        const std::size_t at = (begin_ + used_) % ring_.size();
        const std::size_t count = std::min({bytes.size(), ring_.size() - used_, ring_.size() - at});
        lock.unlock();
        std::memcpy(ring_.data() + at, bytes.data(), count);
        lock.lock();
        used_ += count;
        bytes = bytes.subspan(count);
        changed_.notify_all();
    }
    return !abandoned_;
}

void ByteQueue::close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    changed_.notify_all();
}

std::optional<std::size_t> ByteQueue::hand_over(std::size_t most, const std::function<void(Bytes)>& to) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return abandoned_ || closed_ || used_ > 0; });
    if (abandoned_) {
        return std::nullopt;
    }
    const std::size_t count = std::min({most, used_, ring_.size() - begin_});
    const std::size_t at = begin_;
    lock.unlock();
    if (count > 0) {
        to(Bytes(ring_).subspan(at, count));
    }
    lock.lock();
    begin_ = (begin_ + count) % ring_.size();
    used_ -= count;
    changed_.notify_all();
    return count;
}

std::optional<std::size_t> ByteQueue::read(std::span<std::byte> into) {
    return hand_over(into.size(), [&](Bytes bytes) { std::memcpy(into.data(), bytes.data(), bytes.size()); });
}

bool ByteQueue::consume(const std::function<void(Bytes)>& to) {
    constexpr std::size_t piece = std::size_t{256} << 10U; // the writer goes on meanwhile
    return hand_over(piece, to).value_or(0) > 0;
}

void ByteQueue::abandon() noexcept {
    const std::lock_guard lock(mutex_);
    abandoned_ = true;
    changed_.notify_all();
}

} // namespace miraclemax::stream
