// HTTP/1.1 (RFC 9112) over podman's unix socket, by libcurl. Knows sockets and answers, not podman's objects.
#pragma once

#include "error.hpp"
#include "podman/rest_engine.hpp"

#include <string_view>

namespace miraclemax::podman {

struct Request {
    std::string method{};
    std::string path{};                    // with version prefix and query
    std::string body{};                    // JSON; empty: no body
    std::string act{};                     // for messages: "pause container db"
    std::chrono::milliseconds deadline{0}; // of the whole call, repetitions included; 0: the connection's
    // May be sent again although podman may have acted on it already.
    bool repeatable = false;
    // Repeat also while the socket is missing or refuses (nothing was sent yet).
    bool wait_for_socket = true;
    // Given: the body of a 2xx answer goes there as it comes, and not into Answer. May throw: the call throws
    // it.
    std::function<void(std::string_view)> on_body{};
};

struct Answer {
    long status = 0;
    std::string body{};
    std::string content_type{};
    std::string libpod_version{}; // header Libpod-Api-Version
};

// Thread-safe; calls run at the same time, each on a connection of its own that it opens anew: so none is
// ever bound to a podman that is gone. Sockets are close-on-exec. Throws Error (podman), whose text tells
// apart: socket missing, no socket, forbidden, refused, deadline, cut, too large, not HTTP. Any status is an
// Answer.
class Connection {
public:
    static constexpr std::size_t body_limit = 64UL << 20U; // bytes of one answer

    explicit Connection(ConnectionOptions options);
    [[nodiscard]] Answer send(const Request& request) const;
    [[nodiscard]] const ConnectionOptions& options() const noexcept { return options_; }

private:
    ConnectionOptions options_;
};

} // namespace miraclemax::podman
