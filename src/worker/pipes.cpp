#include "worker/pipes.hpp"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

namespace miraclemax::worker {

namespace {

constexpr int largest_pipe = 1 << 20; // bytes: /proc/sys/fs/pipe-max-size, where nobody changed it

void check(const std::atomic<bool>& stopped) {
    if (stopped)
        throw Error(ExitCode::interrupted, "it was stopped in the middle");
}

} // namespace

HandedSource::HandedSource(stream::Descriptor from, std::string name, std::atomic<std::uint64_t>& moved,
                           const std::atomic<bool>& stopped)
    : from_(std::move(from)), name_(std::move(name)), moved_(moved), stopped_(stopped) {}

std::size_t HandedSource::read(std::span<std::byte> into) {
    for (;;) {
        check(stopped_);
        pollfd one{.fd = from_.get(), .events = POLLIN, .revents = 0};
        if (::poll(&one, 1, 100) == 0)
            continue;
        const auto count = ::read(from_.get(), into.data(), into.size());
        if (count >= 0) {
            ++moved_;
            return static_cast<std::size_t>(count);
        }
        if (errno != EINTR && errno != EAGAIN)
            throw Error(ExitCode::failed, "can't read " + name_ + ": " + std::strerror(errno));
    }
}

HandedSink::HandedSink(stream::Descriptor to, std::atomic<std::uint64_t>& moved,
                       const std::atomic<bool>& stopped)
    : to_(std::move(to)), moved_(moved), stopped_(stopped) {
    ::fcntl(to_.get(), F_SETPIPE_SZ, largest_pipe); // fewer turns of the two processes; refused: it works too
}

void HandedSink::write(stream::Bytes bytes) {
    while (!bytes.empty()) {
        check(stopped_);
        const auto count = ::write(to_.get(), bytes.data(), bytes.size());
        if (count >= 0) {
            bytes = bytes.subspan(static_cast<std::size_t>(count));
            ++moved_;
        } else if (errno == EPIPE) {
            throw Error(ExitCode::failed, "the worker that unpacks it ended");
        } else if (errno == EAGAIN) {
            pollfd one{.fd = to_.get(), .events = POLLOUT, .revents = 0};
            ::poll(&one, 1, 100);
        } else if (errno != EINTR) {
            throw Error(ExitCode::failed,
                        std::string("can't hand on what was decrypted: ") + std::strerror(errno));
        }
    }
}

} // namespace miraclemax::worker
