// A bounded queue of bytes between two threads: one writes, one reads. Memory is one fixed ring.
#pragma once

#include "stream/stream.hpp"

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <optional>
#include <vector>

namespace miraclemax::stream {

class ByteQueue {
public:
    explicit ByteQueue(std::size_t capacity) : ring_(capacity) {}

    // The writing thread. Blocks while the ring is full; false once the queue was abandoned.
    bool write(Bytes bytes);
    // The writing thread: nothing follows.
    void close();
    // The reading thread. Blocks while the ring is empty; 0: the end; nullopt: abandoned.
    std::optional<std::size_t> read(std::span<std::byte> into);
    // The same, without copying: a part of the ring, for the time of the call. False: the end, or abandoned.
    bool consume(const std::function<void(Bytes)>& to);
    // Any thread: both ends are woken and get nothing more.
    void abandon() noexcept;

private:
    std::optional<std::size_t> hand_over(std::size_t most, const std::function<void(Bytes)>& to);

    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<std::byte> ring_;
    std::size_t begin_ = 0;
    std::size_t used_ = 0;
    bool closed_ = false;
    bool abandoned_ = false;
};

} // namespace miraclemax::stream
