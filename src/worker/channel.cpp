#include "worker/channel.hpp"

#include "error.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

namespace miraclemax::worker {

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

int left_until(Clock::time_point end) {
    const auto left = std::chrono::ceil<milliseconds>(end - Clock::now()).count();
    return static_cast<int>(std::clamp<decltype(left)>(left, 0, 600'000));
}

// Whether something of `events` happened before the end.
bool wait_for(int descriptor, short events, Clock::time_point end) {
    for (;;) {
        pollfd one{.fd = descriptor, .events = events, .revents = 0};
        const int count = ::poll(&one, 1, left_until(end));
        if (count > 0)
            return true;
        if (count == 0 && Clock::now() >= end)
            return false;
        if (count < 0 && errno != EINTR)
            throw Error(ExitCode::failed,
                        std::string("can't wait for the control socket: ") + std::strerror(errno));
    }
}

} // namespace

Channel::Channel(stream::Descriptor socket) : socket_(std::move(socket)) {
    const int flags = ::fcntl(socket_.get(), F_GETFL);
    if (flags < 0 || ::fcntl(socket_.get(), F_SETFL, flags | O_NONBLOCK) < 0)
        throw Error(ExitCode::failed, std::string("can't use the control socket: ") + std::strerror(errno));
}

void Channel::send(const std::string& line, milliseconds within) {
    const std::lock_guard lock(sending_);
    send_rest(line + '\n', 0, within);
}

void Channel::offer(const std::string& line) {
    const std::unique_lock lock(sending_, std::try_to_lock);
    if (!lock)
        return;
    const std::string text = line + '\n';
    const auto count = ::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count > 0 && static_cast<std::size_t>(count) < text.size())
        send_rest(text, static_cast<std::size_t>(count),
                  std::chrono::minutes(1)); // half a line would be nonsense
}

void Channel::send_rest(const std::string& text, std::size_t from, milliseconds within) {
    const auto end = Clock::now() + within;
    while (from < text.size()) {
        const auto count = ::send(socket_.get(), text.data() + from, text.size() - from, MSG_NOSIGNAL);
        if (count >= 0) {
            from += static_cast<std::size_t>(count);
        } else if (errno == EAGAIN) {
            if (!wait_for(socket_.get(), POLLOUT, end))
                throw Error(ExitCode::failed, "the other side of the control socket does not read");
        } else if (errno != EINTR) {
            throw Error(ExitCode::failed,
                        std::string("the control socket is closed: ") + std::strerror(errno));
        }
    }
}

bool Channel::take_line(std::string& line, std::size_t longest) {
    const auto end = received_.find('\n', scanned_);
    scanned_ = received_.size();
    if ((end == std::string::npos ? received_.size() : end) > longest)
        throw Error(ExitCode::failed,
                    "the other side of the control socket wrote nonsense: a line without an end");
    if (end == std::string::npos)
        return false;
    line.assign(received_, 0, end);
    received_.erase(0, end + 1);
    scanned_ = 0;
    return true;
}

Channel::Got Channel::receive(std::string& line, milliseconds within, std::size_t longest) {
    const auto end = Clock::now() + within;
    std::array<char, 65536> buffer{};
    while (!take_line(line, longest)) {
        if (!wait_for(socket_.get(), POLLIN, end))
            return Got::nothing;
        const auto count = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
        if (count > 0)
            received_.append(buffer.data(), static_cast<std::size_t>(count));
        else if (count == 0 || (errno != EAGAIN && errno != EINTR))
            return Got::closed;
    }
    return Got::line;
}

} // namespace miraclemax::worker
