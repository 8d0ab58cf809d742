#include "serve/http_connection.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace miraclemax::serve {
namespace {

using std::chrono::milliseconds;
constexpr milliseconds to_send{5'000}, to_be_answered{30'000}, to_take{10'000}, to_drain{1'000};
constexpr unsigned most_requests = 8; // on one connection
constexpr std::size_t most_drained = 64 * 1024;

bool try_later() {
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

bool is_known(const std::string& path) {
    static constexpr std::array<std::string_view, 4> paths{"/", "/metrics", "/api/status", "/healthz"};
    return std::find(paths.begin(), paths.end(), path) != paths.end();
}

} // namespace

HttpConnection::HttpConnection(stream::Descriptor socket, Steady now)
    : socket_(std::move(socket)), since_(now), deadline_(now + to_send) {}

short HttpConnection::events() const {
    switch (state_) {
    case State::reading:
    case State::draining:
        return POLLIN;
    case State::writing:
        return POLLOUT;
    default:
        return 0;
    }
}

void HttpConnection::become(State state, milliseconds patience, Steady now) {
    state_ = state;
    since_ = now;
    deadline_ = now + patience;
}

void HttpConnection::ready(short events, Steady now) {
    if ((events & (POLLERR | POLLNVAL)) != 0 || ((events & POLLHUP) != 0 && (events & POLLIN) == 0))
        state_ = State::over;
    else if (state_ == State::reading || state_ == State::draining)
        read(now);
    else if (state_ == State::writing)
        write(now);
}

void HttpConnection::late(Steady now) {
    if (state_ == State::reading && !input_.empty())
        refuse(408, now);
    else if (state_ == State::answering)
        respond(plain_page(503), false, now);
    else
        state_ = State::over;
}

void HttpConnection::read(Steady now) {
    std::array<char, 4096> buffer;
    const auto got = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
    if (got < 0) {
        if (!try_later())
            state_ = State::over;
        return;
    }
    const auto size = static_cast<std::size_t>(got);
    if (state_ == State::draining) {
        drained_ += size;
        if (size == 0 || drained_ > most_drained)
            state_ = State::over;
        return;
    }
    ended_ |= size == 0;
    input_.append(buffer.data(), size);
    understand(now);
}

void HttpConnection::understand(Steady now) {
    auto head = take_head(input_);
    if (head.is == Head::Is::refused)
        return refuse(head.status, now);
    if (head.is == Head::Is::incomplete) {
        if (ended_ && !input_.empty())
            refuse(400, now);
        else if (ended_)
            state_ = State::over;
        return;
    }
    request_ = std::move(head.request);
    ++requests_;
    const bool keep = request_.keep_alive && requests_ < most_requests && !(ended_ && input_.empty());
    if (request_.method != "GET" && request_.method != "HEAD")
        return respond(plain_page(405), keep, now);
    if (!is_known(request_.path))
        return respond(plain_page(404), keep, now);
    keep_ = keep;
    become(State::answering, to_be_answered, now);
}

void HttpConnection::answer(const Page& page, Steady now) {
    respond(page, keep_, now);
}

void HttpConnection::refuse(int status, Steady now) {
    request_ = {};
    respond(plain_page(status), false, now);
}

void HttpConnection::respond(const Page& page, bool keep, Steady now) {
    keep_ = keep;
    output_ = response_text(page, request_.method != "HEAD", keep);
    written_ = 0;
    become(State::writing, to_take, now);
}

void HttpConnection::write(Steady now) {
    const auto sent =
        ::send(socket_.get(), output_.data() + written_, output_.size() - written_, MSG_NOSIGNAL);
    if (sent < 0) {
        if (!try_later())
            state_ = State::over;
        return;
    }
    written_ += static_cast<std::size_t>(sent);
    if (written_ < output_.size())
        return;
    output_ = {};
    if (keep_) {
        become(State::reading, to_send, now);
        understand(now); // the client may have sent the next one already
    } else if (ended_ || ::shutdown(socket_.get(), SHUT_WR) != 0) {
        state_ = State::over;
    } else {
        become(State::draining, to_drain, now);
    }
}

} // namespace miraclemax::serve
