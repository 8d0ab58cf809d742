#include "podman/rest_engine.hpp"

#include "error.hpp"

#include <fmt/format.h>

#include <filesystem>

namespace miraclemax::podman {

namespace {

constexpr std::string_view unix_scheme = "unix://";

std::string without_scheme(const std::string& address, const char* origin) {
    if (address.rfind(unix_scheme, 0) == 0)
        return address.substr(unix_scheme.size());
    if (address.front() == '/')
        return address;
    throw Error(ExitCode::podman,
                fmt::format("{} is \"{}\", but only a unix socket on this host can be used", origin, address),
                fmt::format("set {} to unix:///run/podman/podman.sock, or leave it unset", origin));
}

} // namespace

std::string find_socket(const std::string& configured, const Environment& environment,
                        const std::string& system_socket) {
    if (!configured.empty())
        return without_scheme(configured, "the configured podman socket");
    if (const auto host = environment("CONTAINER_HOST"); host && !host->empty())
        return without_scheme(*host, "CONTAINER_HOST");
    std::vector<std::string> places{system_socket};
    if (const auto runtime = environment("XDG_RUNTIME_DIR"); runtime && !runtime->empty())
        places.push_back(*runtime + "/podman/podman.sock");
    std::string looked, closed;
    for (const auto& place : places) {
        std::error_code trouble;
        if (std::filesystem::exists(place, trouble))
            return place;
        if (trouble == std::errc::permission_denied && closed.empty())
            closed = place;
        looked += (looked.empty() ? "" : ", ") + place;
    }
    if (!closed.empty()) // there is one, as far as can be told: connecting to it says what is missing
        return closed;
    throw NotThere(
        ExitCode::podman,
        fmt::format("podman's socket was not found; looked at CONTAINER_HOST (not set), {}", looked),
        "on the host: systemctl enable --now podman.socket; in a container: also mount the socket's folder "
        "(such as /run/podman:/run/podman), not the socket itself");
}

} // namespace miraclemax::podman
