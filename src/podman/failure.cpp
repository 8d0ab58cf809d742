#include "podman/failure.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace miraclemax::podman {

namespace {

using Kind = Failure::Kind;

int errno_of_connect(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof(address.sun_path))
        return ENAMETOOLONG;
    std::copy(path.begin(), path.end(), address.sun_path);
    const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0)
        return errno;
    const int result = ::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
    const int number = result == 0 ? 0 : errno;
    ::close(descriptor);
    return number;
}

struct Said {
    std::string cause;
    std::string message;
};

std::optional<Said> said(const std::string& body) {
    const auto json = nlohmann::json::parse(body, nullptr, false);
    if (!json.is_object())
        return std::nullopt;
    const auto text = [&](const char* key) {
        const auto found = json.find(key);
        return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
    };
    Said answer{.cause = text("cause"), .message = text("message")};
    if (answer.cause.empty() && answer.message.empty())
        return std::nullopt;
    return answer;
}

// One printable line of at most 300 bytes.
std::string one_line(std::string text) {
    for (auto& letter : text)
        if (static_cast<unsigned char>(letter) < 0x20 || letter == 0x7f)
            letter = ' ';
    text.erase(text.find_last_not_of(' ') + 1);
    if (text.size() > 300) {
        text.resize(297);
        text += "...";
    }
    return text;
}

bool is_no_such(const Said& what) {
    return what.cause.rfind("no such ", 0) == 0 || what.cause == "image not known";
}

Error missing(const std::string& act, const std::string& socket) {
    const auto folder = std::filesystem::path(socket).parent_path();
    std::error_code ignored;
    const bool has_folder = std::filesystem::exists(folder, ignored);
    return {
        ExitCode::podman,
        fmt::format("can't {}: podman's socket {} does not exist{}", act, socket,
                    has_folder ? "" : ", nor does its folder"),
        "on the host: systemctl enable --now podman.socket; in a container: also mount the socket's folder "
        "(such as /run/podman:/run/podman), not the socket itself"};
}

} // namespace

Kind kind_of_refusal(const std::string& socket, int number) {
    if (number == 0)
        number = errno_of_connect(socket);
    struct stat status {};
    if (number == ENOENT || number == ENOTDIR)
        return Kind::missing;
    if (number == EACCES || number == EPERM)
        return Kind::forbidden;
    if (::stat(socket.c_str(), &status) == 0 && !S_ISSOCK(status.st_mode))
        return Kind::no_socket;
    return number == ECONNREFUSED ? Kind::refused : Kind::busy;
}

bool nobody_there(Kind kind) {
    return kind == Kind::missing || kind == Kind::no_socket || kind == Kind::refused;
}

Error error_of(const Failure& failure, const std::string& act, const std::string& socket,
               std::chrono::milliseconds deadline) {
    const auto code = ExitCode::podman;
    switch (failure.kind) {
    case Kind::missing:
        return missing(act, socket);
    case Kind::no_socket:
        return {code, fmt::format("can't {}: {} is not a socket", act, socket),
                "where a container runtime made a folder or file in the socket's place, remove it; then "
                "systemctl enable --now podman.socket"};
    case Kind::forbidden:
        return {code, fmt::format("can't {}: permission to use podman's socket {} denied", act, socket),
                "run as root, or as the user whose podman it is; on SELinux hosts a container needs "
                "security_opt label=disable"};
    case Kind::refused:
        return {code, fmt::format("can't {}: nobody listens on podman's socket {}", act, socket),
                "systemctl restart podman.socket; in a container: mount the socket's folder, not the socket "
                "itself, which goes stale when podman restarts"};
    case Kind::busy:
        return {code, fmt::format("can't {}: podman's socket {} takes no connection", act, socket),
                "podman has too much to do, or hangs: look at journalctl -u podman.service"};
    case Kind::deadline:
        return {code,
                fmt::format("can't {}: podman did not answer within {:.1f} s", act,
                            static_cast<double>(deadline.count()) / 1000.0),
                "podman may still do it later: look at the state with podman ps -a"};
    case Kind::cut:
        return {code, fmt::format("can't {}: podman's answer was cut ({})", act, failure.detail),
                "podman's service ended in the middle of the call: look at journalctl -u podman.service"};
    case Kind::too_large:
        return {code, fmt::format("can't {}: podman's answer is larger than 64 MiB", act)};
    case Kind::garbage:
        break;
    }
    return {code,
            fmt::format("can't {}: what answers on {} does not speak HTTP ({})", act, socket, failure.detail),
            "check that the path is podman's socket"};
}

Error refusal(long status, const std::string& body, const std::string& act, const std::string& call) {
    if (const auto what = said(body)) {
        auto text = what->message.empty() ? what->cause : what->message;
        if (!what->cause.empty() && text.find(what->cause) == std::string::npos)
            text += ": " + what->cause;
        return {is_no_such(*what) ? ExitCode::not_found : ExitCode::podman,
                fmt::format("podman refused to {}: {}", act, one_line(text))};
    }
    const auto text = one_line(body);
    const auto message =
        fmt::format("podman refused to {}: status {}{}{}", act, status, text.empty() ? "" : ": ", text);
    if (status == 401 || status == 403 || status == 404 || status == 405)
        return {ExitCode::podman, message,
                fmt::format("if a filter stands in front of podman's socket, let it allow {}", call)};
    return {ExitCode::podman, message};
}

bool says_no_such(long status, const std::string& body) {
    if (status != 404)
        return false;
    const auto what = said(body);
    return what && is_no_such(*what);
}

// libpod's ErrNoSuchCtr and ErrCtrRemoved; only the look-up itself makes a 404 of them.
bool says_no_such_container(long status, const std::string& body) {
    if (says_no_such(status, body))
        return true;
    if (status != 404 && status != 500)
        return false;
    const auto what = said(body);
    return what &&
           (what->cause == "no such container" || what->cause == "container has already been removed");
}

} // namespace miraclemax::podman
