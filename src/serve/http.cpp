// Why no library: cpp-httplib, the one that Debian has, gives each connection a thread for as long as a
// client likes, since its deadlines are for one read and not for a request: 500 clients that send a byte a
// second would keep everybody else out. One thread that polls has no such cost.
#include "serve/http.hpp"

#include "error.hpp"
#include "serve/http_answers.hpp"
#include "serve/http_connection.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <map>

namespace miraclemax::serve {
namespace {

using std::chrono::milliseconds;
using stream::Descriptor;

constexpr std::size_t most_connections = 64;
constexpr int kernel_queue = 512;
// How long a client keeps its place for sure when others wait for one.
constexpr milliseconds to_send_undisturbed{100}, to_take_undisturbed{1'000};
constexpr milliseconds full_wait{50}, no_descriptor_wait{500};

std::string where(const HttpOptions& options) {
    const bool six = options.address.find(':') != std::string::npos;
    return (six ? "[" + options.address + "]" : options.address) + ":" + std::to_string(options.port);
}

Error failure(const HttpOptions& options, const std::string& reason) {
    return {ExitCode::failed, "can't listen on " + where(options) + ": " + reason,
            "set another serve address or port, or end the program that has this one"};
}

Descriptor listen_on(const HttpOptions& options) {
    const addrinfo hints{.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
                         .ai_family = AF_UNSPEC,
                         .ai_socktype = SOCK_STREAM,
                         .ai_protocol = 0,
                         .ai_addrlen = 0,
                         .ai_addr = nullptr,
                         .ai_canonname = nullptr,
                         .ai_next = nullptr};
    addrinfo* found = nullptr;
    const auto port = std::to_string(options.port);
    if (const int code = ::getaddrinfo(options.address.c_str(), port.c_str(), &hints, &found); code != 0)
        throw failure(options, ::gai_strerror(code));
    const std::unique_ptr<addrinfo, void (*)(addrinfo*)> address(found, ::freeaddrinfo);
    Descriptor socket(::socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const int yes = 1, no = 0;
    if (socket)
        ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    if (socket && address->ai_family == AF_INET6) // "::" is IPv4 too, whatever the host's default
        ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof(no));
    if (!socket || ::bind(socket.get(), address->ai_addr, address->ai_addrlen) != 0 ||
        ::listen(socket.get(), kernel_queue) != 0)
        throw failure(options, std::strerror(errno));
    return socket;
}

int port_of(const Descriptor& socket) {
    sockaddr_storage address{};
    socklen_t size = sizeof(address);
    ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size);
    return ntohs(address.ss_family == AF_INET6 ? reinterpret_cast<const sockaddr_in6&>(address).sin6_port
                                               : reinterpret_cast<const sockaddr_in&>(address).sin_port);
}

} // namespace

class HttpServer::Impl {
public:
    Impl(const HttpOptions& options, Answer answer)
        : listener_(listen_on(options)), port_(port_of(listener_)), answers_(std::move(answer)),
          polling_([this] { poll_all(); }) {}
    ~Impl() {
        ending_ = true;
        answers_.nudge();
        polling_.join();
    }
    [[nodiscard]] int port() const { return port_; }

private:
    using State = HttpConnection::State;

    void poll_all() {
        step_back();
        while (!ending_) {
            try {
                round();
            } catch (...) {           // no memory: whoever is connected loses its page,
                connections_.clear(); // but the next one is served
            }
        }
    }

    void round() {
        const auto before = std::chrono::steady_clock::now();
        const bool accepting = may_accept(before);
        std::vector<pollfd> ready{{.fd = answers_.wake(), .events = POLLIN, .revents = 0},
                                  {.fd = accepting ? listener_.get() : -1, .events = POLLIN, .revents = 0}};
        for (const auto& [id, each] : connections_)
            ready.push_back({.fd = each.descriptor(), .events = each.events(), .revents = 0});
        if (::poll(ready.data(), ready.size(), patience(before, accepting)) < 0)
            return;
        const auto now = std::chrono::steady_clock::now();
        auto at = ready.begin() + 2;
        for (auto& [id, each] : connections_) {
            const auto was = each.state();
            if (at->revents != 0)
                each.ready(at->revents, now);
            else if (now >= each.deadline())
                each.late(now);
            settle(id, each, was);
            ++at;
        }
        for (auto& [id, page] : answers_.take())
            if (const auto found = connections_.find(id);
                found != connections_.end() && found->second.state() == State::answering)
                found->second.answer(page, now);
        std::erase_if(connections_, [](const auto& each) { return each.second.state() == State::over; });
        if (ready[1].revents != 0)
            accept_some(now);
    }

    // A state that was left or reached has something to do with the pages that are made.
    void settle(std::uint64_t id, const HttpConnection& connection, State was) {
        if (was == State::answering && connection.state() != State::answering)
            answers_.forget(id);
        if (was != State::answering && connection.state() == State::answering)
            answers_.ask(id, connection.path());
    }

    [[nodiscard]] bool may_accept(Steady now) {
        return now >= accept_from_ &&
               (connections_.size() < most_connections || dispensable(now) != connections_.end());
    }

    [[nodiscard]] int patience(Steady now, bool accepting) const {
        auto until = now + std::chrono::seconds(60);
        for (const auto& [id, each] : connections_)
            until = std::min(until, each.deadline());
        if (!accepting)
            until = std::min(until, now + full_wait);
        // One more, so that the deadline has passed when poll() returns.
        return static_cast<int>(
            std::max<std::int64_t>(0, std::chrono::duration_cast<milliseconds>(until - now).count() + 1));
    }

    using Connections = std::map<std::uint64_t, HttpConnection>;

    // Whose place another client may have: the slowest to send, or to take. Never one that waits for its
    // page.
    [[nodiscard]] Connections::iterator dispensable(Steady now) {
        auto slowest = connections_.end();
        for (auto at = connections_.begin(); at != connections_.end(); ++at) {
            const auto& each = at->second;
            if (each.state() == State::draining)
                return at;
            const auto undisturbed =
                each.state() == State::reading ? to_send_undisturbed : to_take_undisturbed;
            const bool slow = each.state() != State::answering && now - each.since() > undisturbed;
            if (slow && (slowest == connections_.end() || each.since() < slowest->second.since()))
                slowest = at;
        }
        return slowest;
    }

    void accept_some(Steady now) {
        for (int i = 0; i < 16; ++i) {
            if (connections_.size() >= most_connections) {
                const auto slow = dispensable(now);
                if (slow == connections_.end())
                    return;
                connections_.erase(slow);
            }
            Descriptor client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
            if (!client) {
                // Without descriptors the listener would stay ready, and the loop spin.
                if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
                    accept_from_ = now + no_descriptor_wait;
                return;
            }
            const int yes = 1;
            ::setsockopt(client.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
            connections_.try_emplace(next_id_++, std::move(client), now);
        }
    }

    Descriptor listener_;
    const int port_;
    std::atomic<bool> ending_ = false;
    Connections connections_;
    std::uint64_t next_id_ = 0;
    Steady accept_from_{};
    HttpAnswers answers_;
    std::thread polling_; // last: it uses all of the above
};

HttpServer::HttpServer(const HttpOptions& options, Answer answer)
    : impl_(std::make_unique<Impl>(options, std::move(answer))) {}
HttpServer::~HttpServer() = default;
int HttpServer::port() const {
    return impl_->port();
}

} // namespace miraclemax::serve
