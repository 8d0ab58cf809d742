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

void Channel::send(const std::string& line, const std::vector<stream::Descriptor>& descriptors,
                   milliseconds within) {
    if (descriptors.empty())
        return send(line, within);
    const std::lock_guard lock(sending_);
    std::string text = line + '\n';
    iovec part{.iov_base = text.data(), .iov_len = text.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(most_descriptors * sizeof(int))> control{};
    std::array<int, most_descriptors> numbers{};
    if (descriptors.size() > numbers.size())
        throw Error(ExitCode::failed, "more descriptors than a line may bring");
    std::transform(descriptors.begin(), descriptors.end(), numbers.begin(),
                   [](const stream::Descriptor& one) { return one.get(); });
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = CMSG_SPACE(descriptors.size() * sizeof(int));
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(descriptors.size() * sizeof(int));
    std::memcpy(CMSG_DATA(header), numbers.data(), descriptors.size() * sizeof(int));
    const auto end = Clock::now() + within;
    for (;;) {
        const auto count = ::sendmsg(socket_.get(), &message, MSG_NOSIGNAL);
        if (count > 0) // they went with its first byte
            return send_rest(text, static_cast<std::size_t>(count), within);
        if (count < 0 && errno == EAGAIN && wait_for(socket_.get(), POLLOUT, end))
            continue;
        if (count < 0 && errno != EINTR)
            throw Error(ExitCode::failed,
                        std::string("can't hand over descriptors: ") + std::strerror(errno));
    }
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

void Channel::keep_descriptors(const msghdr& message) {
    std::vector<stream::Descriptor> came;
    for (cmsghdr* one = CMSG_FIRSTHDR(&message); one != nullptr;
         one = CMSG_NXTHDR(const_cast<msghdr*>(&message), one)) {
        if (one->cmsg_level != SOL_SOCKET || one->cmsg_type != SCM_RIGHTS)
            continue;
        for (std::size_t at = 0; at + sizeof(int) <= one->cmsg_len - CMSG_LEN(0); at += sizeof(int)) {
            int number = -1;
            std::memcpy(&number, CMSG_DATA(one) + at, sizeof number);
            came.emplace_back(number);
        }
    }
    if ((message.msg_flags & MSG_CTRUNC) != 0 || descriptors_.size() + came.size() > expected_)
        throw Error(ExitCode::failed,
                    "the other side of the control socket wrote nonsense: descriptors that nobody expects");
    for (stream::Descriptor& one : came)
        descriptors_.push_back(std::move(one));
}

ssize_t Channel::take_bytes() {
    std::array<char, 65536> buffer; // NOLINT: only what was written to is read
    // Room for one more than may come, so that it is seen; the kernel closes what finds no room.
    alignas(cmsghdr) std::array<char, CMSG_SPACE((most_descriptors + 1) * sizeof(int))> control{};
    iovec part{.iov_base = buffer.data(), .iov_len = buffer.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const auto count = ::recvmsg(socket_.get(), &message, MSG_CMSG_CLOEXEC);
    if (count >= 0)
        keep_descriptors(message);
    if (count > 0)
        received_.append(buffer.data(), static_cast<std::size_t>(count));
    return count;
}

Channel::Got Channel::receive(std::string& line, milliseconds within, std::size_t longest) {
    const auto end = Clock::now() + within;
    while (!take_line(line, longest)) {
        if (!wait_for(socket_.get(), POLLIN, end))
            return Got::nothing;
        const auto count = take_bytes();
        if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR))
            return Got::closed;
    }
    return Got::line;
}

} // namespace miraclemax::worker
