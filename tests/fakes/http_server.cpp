#include "fakes/http_server.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <poll.h>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace miraclemax::fakes {

using std::chrono::milliseconds;

void HttpServer::Peer::send(std::string_view bytes) {
    while (!bytes.empty() && !server_.ending_) {
        const auto sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent <= 0)
            return;
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
}

void HttpServer::Peer::drip(std::string_view bytes, milliseconds every) {
    for (const char& byte : bytes) {
        send({&byte, 1});
        if (gone(every))
            return;
    }
}

void HttpServer::Peer::hang() {
    while (!gone(milliseconds{20})) {
    }
}

// The client said nothing more on purpose, so anything readable is its end.
bool HttpServer::Peer::gone(milliseconds wait) const {
    pollfd poll_for{.fd = descriptor_, .events = POLLIN, .revents = 0};
    return ::poll(&poll_for, 1, static_cast<int>(wait.count())) != 0 || server_.ending_;
}

HttpServer::HttpServer(std::string path, Handler handler)
    : path_(std::move(path)), handler_(std::move(handler)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path_.size() >= sizeof(address.sun_path))
        throw std::runtime_error("socket path too long: " + path_);
    std::copy(path_.begin(), path_.end(), address.sun_path);
    ::unlink(path_.c_str());
    listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener_ < 0 ||
        ::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
        ::listen(listener_, 64) != 0) {
        if (listener_ >= 0)
            ::close(listener_);
        throw std::runtime_error(fmt::format("can't listen on {}: {}", path_, std::strerror(errno)));
    }
    accepting_ = std::thread([this] { accept_all(); });
}

HttpServer::~HttpServer() {
    ending_ = true;
    accepting_.join();
    ::close(listener_);
    for (auto& talk : talks_)
        talk.join();
}

std::vector<std::string> HttpServer::requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
}

std::size_t HttpServer::count(std::string_view request) const {
    const std::lock_guard lock(mutex_);
    return static_cast<std::size_t>(
        std::count_if(requests_.begin(), requests_.end(),
                      [&](const std::string& one) { return one.compare(0, request.size(), request) == 0; }));
}

std::string HttpServer::answer(int status, std::string_view body, std::string_view type,
                               std::string_view more_headers) {
    return fmt::format("HTTP/1.1 {} X\r\n{}Content-Length: {}\r\n{}\r\n{}", status,
                       type.empty() ? "" : fmt::format("Content-Type: {}\r\n", type), body.size(),
                       more_headers, body);
}

HttpServer::Handler HttpServer::podman(Handler rest, std::string version) {
    return [rest = std::move(rest), version = std::move(version)](Peer& peer, const Request& request) {
        if (request.path == "/libpod/_ping")
            peer.send(answer(200, "OK", "text/plain", "Libpod-Api-Version: " + version + "\r\n"));
        else
            rest(peer, request);
    };
}

void HttpServer::accept_all() {
    while (!ending_) {
        pollfd poll_for{.fd = listener_, .events = POLLIN, .revents = 0};
        if (::poll(&poll_for, 1, 10) <= 0)
            continue;
        const int descriptor = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        if (descriptor >= 0)
            talks_.emplace_back([this, descriptor] { talk(descriptor); });
    }
}

void HttpServer::talk(int descriptor) {
    std::string buffer;
    while (true) {
        Request request;
        if (!read_request(descriptor, buffer, request))
            break;
        {
            const std::lock_guard lock(mutex_);
            requests_.push_back(request.method + " " + request.path);
        }
        Peer peer(*this, descriptor);
        handler_(peer, request);
        if (!peer.keep_open_)
            break;
    }
    ::close(descriptor);
}

bool HttpServer::read_request(int descriptor, std::string& buffer, Request& request) const {
    std::size_t needed = std::string::npos;
    while (true) {
        const auto end = buffer.find("\r\n\r\n");
        if (end != std::string::npos && needed == std::string::npos) {
            request.head = buffer.substr(0, end);
            const auto at = request.head.find("Content-Length: ");
            needed = end + 4 + (at == std::string::npos ? 0 : std::stoul(request.head.substr(at + 16)));
        }
        if (needed != std::string::npos && buffer.size() >= needed) {
            request.body = buffer.substr(end + 4, needed - end - 4);
            const auto space = request.head.find(' ');
            request.method = request.head.substr(0, space);
            request.path = request.head.substr(space + 1, request.head.find(' ', space + 1) - space - 1);
            buffer.erase(0, needed);
            return true;
        }
        pollfd poll_for{.fd = descriptor, .events = POLLIN, .revents = 0};
        const int ready = ::poll(&poll_for, 1, 10);
        if (ending_)
            return false;
        if (ready == 0)
            continue;
        char piece[65536];
        const auto got = ::recv(descriptor, piece, sizeof(piece), 0);
        if (got <= 0)
            return false;
        buffer.append(piece, static_cast<std::size_t>(got));
    }
}

} // namespace miraclemax::fakes
