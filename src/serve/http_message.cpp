#include "serve/http_message.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <optional>

namespace miraclemax::serve {
namespace {

Head refused(int status) {
    return {.is = Head::Is::refused, .request = {}, .status = status};
}

bool is_token(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
               std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
    });
}

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
    return out;
}

std::string_view trimmed(std::string_view text) {
    const auto first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos)
        return {};
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// What can't be the beginning of a request, told before it is whole: a TLS greeting would else wait for its
// end.
bool is_hopeless(std::string_view input) {
    for (std::size_t i = 0; i < input.size(); ++i) {
        const char c = input[i];
        const bool bare_feed = c == '\n' && (i == 0 || input[i - 1] != '\r');
        const bool bare_return = c == '\r' && i + 1 < input.size() && input[i + 1] != '\n';
        const bool control =
            (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) && c != '\r' && c != '\n' && c != '\t';
        if (bare_feed || bare_return || control)
            return true;
    }
    return false;
}

// "/a/b?c" and "http://host/a/b?c" to "/a/b"; empty: neither.
std::string path_of(std::string_view target) {
    for (const std::string_view scheme : {"http://", "https://"})
        if (target.starts_with(scheme)) {
            const auto slash = target.find('/', scheme.size());
            target = slash == std::string_view::npos ? "/" : target.substr(slash);
        }
    return target.starts_with('/') ? std::string(target.substr(0, target.find_first_of("?#"))) : "";
}

int read_request_line(std::string_view line, HttpRequest& request, bool& needs_host) {
    const auto first = line.find(' '), second = first == line.npos ? first : line.find(' ', first + 1);
    if (second == line.npos || !is_token(line.substr(0, first)))
        return 400;
    const auto version = line.substr(second + 1);
    if (version.size() != 8 || !version.starts_with("HTTP/") || version[6] != '.')
        return 400;
    if (version[5] != '1')
        return 505;
    request.method = line.substr(0, first);
    request.path = path_of(line.substr(first + 1, second - first - 1));
    request.keep_alive = needs_host = version[7] != '0';
    const bool asterisk = request.method == "OPTIONS" && line.substr(first + 1, second - first - 1) == "*";
    return request.path.empty() && request.method != "CONNECT" && !asterisk ? 400 : 0;
}

struct Headers {
    unsigned hosts = 0;
    std::optional<std::string> length;
    bool body = false;

    // 0, or the status that the line is refused with.
    int read(std::string_view line, HttpRequest& request) {
        const auto colon = line.find(':');
        if (colon == line.npos || !is_token(line.substr(0, colon)))
            return 400;
        const auto name = lower(line.substr(0, colon));
        const auto value = trimmed(line.substr(colon + 1));
        if (name == "host")
            ++hosts;
        if (name == "transfer-encoding")
            body = true;
        if (name == "connection" && lower(value).find("close") != std::string::npos)
            request.keep_alive = false;
        if (name != "content-length")
            return 0;
        if (length || value.empty() || value.find_first_not_of("0123456789") != value.npos)
            return 400;
        length = value;
        body |= value.find_first_not_of('0') != value.npos;
        return 0;
    }
};

std::string_view reason(int status) {
    switch (status) {
    case 200:
        return "OK";
    case 400:
        return "Bad Request";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 408:
        return "Request Timeout";
    case 413:
        return "Content Too Large";
    case 431:
        return "Request Header Fields Too Large";
    case 500:
        return "Internal Server Error";
    case 503:
        return "Service Unavailable";
    case 505:
        return "HTTP Version Not Supported";
    default:
        return "Status";
    }
}

// IMF-fixdate (RFC 9110 §5.6.7): English in every locale.
std::string date_now() {
    static const char* const days[]{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char* const months[]{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const std::time_t now = std::time(nullptr);
    std::tm at{};
    ::gmtime_r(&now, &at);
    return fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} GMT", days[at.tm_wday], at.tm_mday,
                       months[at.tm_mon], at.tm_year + 1900, at.tm_hour, at.tm_min, at.tm_sec);
}

// A header's value can't begin another header.
std::string one_line(std::string text) {
    std::erase_if(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
    return text;
}

} // namespace

Head take_head(std::string& input) {
    while (input.starts_with("\r\n")) // RFC 9112 §2.2: some clients send one after a request
        input.erase(0, 2);
    const auto end = input.find("\r\n\r\n");
    if (is_hopeless(std::string_view(input).substr(0, end)))
        return refused(400);
    if (end == input.npos && input.size() < longest_head)
        return {};
    if (end == input.npos || end + 4 > longest_head)
        return refused(431);

    const std::string text = input.substr(0, end + 2);
    input.erase(0, end + 4);
    std::string_view rest = text;
    const auto line = [&] {
        const auto stop = rest.find("\r\n");
        const auto out = rest.substr(0, stop);
        rest.remove_prefix(stop + 2);
        return out;
    };
    Head head{.is = Head::Is::whole, .request = {}, .status = 0};
    bool needs_host = false;
    if (const int status = read_request_line(line(), head.request, needs_host))
        return refused(status);
    Headers headers;
    while (!rest.empty())
        if (const int status = headers.read(line(), head.request))
            return refused(status);
    if (headers.hosts > 1 || (needs_host && headers.hosts == 0))
        return refused(400);
    return headers.body ? refused(413) : head;
}

Page plain_page(int status) {
    return {.status = status,
            .type = "text/plain; charset=utf-8",
            .body = fmt::format("{} {}\n", status, reason(status)),
            .policy = {}};
}

std::string response_text(const Page& page, bool with_body, bool keep_alive) {
    const auto policy = page.policy.empty() ? "default-src 'none'; frame-ancestors 'none'" : page.policy;
    std::string out = fmt::format(
        "HTTP/1.1 {} {}\r\n"
        "Date: {}\r\n"
        "Content-Type: {}\r\n"
        "Content-Length: {}\r\n"
        "Content-Security-Policy: {}\r\n"
        "Cache-Control: no-store\r\n"
        "X-Content-Type-Options: nosniff\r\n"
        "X-Frame-Options: DENY\r\n"
        "Referrer-Policy: no-referrer\r\n"
        "Cross-Origin-Resource-Policy: same-origin\r\n"
        "{}Connection: {}\r\n\r\n",
        page.status, reason(page.status), date_now(), one_line(page.type), page.body.size(), one_line(policy),
        page.status == 405 ? "Allow: GET, HEAD\r\n" : "", keep_alive ? "keep-alive" : "close");
    if (with_body)
        out += page.body;
    return out;
}

} // namespace miraclemax::serve
