// HTTP/1.1 messages (RFC 9110, RFC 9112), as far as a server that only shows pages needs them.
#pragma once

#include "serve/http.hpp"

#include <string>
#include <string_view>

namespace miraclemax::serve {

inline constexpr std::size_t longest_head = 8192; // bytes, request line and headers

struct HttpRequest {
    std::string method;
    std::string path; // without the query
    bool keep_alive = true;
};

struct Head {
    // refused: not HTTP, too long, or with a body. Nothing more of this connection can be understood.
    enum class Is { incomplete, whole, refused };
    Is is = Is::incomplete;
    HttpRequest request;
    int status = 0; // what a refused one is answered with
};

// Takes the first request's head out of what a client sent. Strict: bare line feeds, folded headers, control
// characters and a doubtful Content-Length are refused, so that no proxy before it can see another request.
[[nodiscard]] Head take_head(std::string& input);

// A short page for a status that is no success.
[[nodiscard]] Page plain_page(int status);
// The whole response. Never cached, never sniffed, never framed; a page without a policy of its own may load
// nothing.
[[nodiscard]] std::string response_text(const Page& page, bool with_body, bool keep_alive);

} // namespace miraclemax::serve
