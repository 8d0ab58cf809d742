// Why a call got no usable answer, and the sentence and remedy for it.
#pragma once

#include "error.hpp"

#include <chrono>
#include <string>

namespace miraclemax::podman {

struct Failure {
    enum class Kind {
        missing,   // no such path
        no_socket, // the path is something else
        forbidden,
        refused, // nobody listens (any more)
        busy,    // it can't be connected to now: its queue is full
        deadline,
        cut, // the answer ended too early
        too_large,
        garbage, // not HTTP
    };
    Kind kind = Kind::garbage;
    std::string detail{};
};

// Whether no podman is behind the socket at all.
[[nodiscard]] bool nobody_there(Failure::Kind kind);

// From the errno of connect(2); 0 (unknown) finds it out by trying.
[[nodiscard]] Failure::Kind kind_of_refusal(const std::string& socket, int number);

// act as in "pause container db". ExitCode::podman.
[[nodiscard]] Error error_of(const Failure& failure, const std::string& act, const std::string& socket,
                             std::chrono::milliseconds deadline);

// An answer that is no success. Podman's own JSON {"cause","message","response"} gives the text; a cause
// "no such …" or "image not known" gives ExitCode::not_found, everything else ExitCode::podman. call as in
// "POST libpod/containers/{id}/pause", for the remedy where a filter in front of the socket forbids it.
[[nodiscard]] Error refusal(long status, const std::string& body, const std::string& act,
                            const std::string& call);

// "No such object" as podman says it (404 with JSON), not the 404 of a route that is unknown.
[[nodiscard]] bool says_no_such(long status, const std::string& body);
// The same of a container, which may also end while podman handles the call: that is a 500 with such a cause.
[[nodiscard]] bool says_no_such_container(long status, const std::string& body);

} // namespace miraclemax::podman
