#include "podman/endpoints.hpp"

namespace miraclemax::podman {

const std::vector<Endpoint>& endpoints() {
    // In the order of Call.
    static const std::vector<Endpoint> all{
        {"GET", "libpod/_ping", "which version of podman answers"},
        {"GET", "libpod/info", "where volumes live, cgroup version, rootless or not"},
        {"GET", "libpod/volumes/json", "find volumes and their labels"},
        {"GET", "libpod/volumes/{name}/json", "is it still the same volume"},
        {"POST", "libpod/volumes/create", "make the volume that a restore fills"},
        {"DELETE", "libpod/volumes/{name}", "remove a volume that a failed restore made"},
        {"GET", "libpod/containers/json", "find containers"},
        {"GET", "libpod/containers/{id}/json", "state, mounts, labels and dependencies of a container"},
        {"GET", "libpod/images/{name}/exists", "is the worker's image there"},
        {"POST", "libpod/containers/{id}/pause", "freeze"},
        {"POST", "libpod/containers/{id}/unpause", "release"},
        {"POST", "libpod/containers/{id}/stop", "freeze by stopping"},
        {"POST", "libpod/containers/{id}/start", "release by starting; start a worker"},
        {"POST", "libpod/containers/create", "create a worker"},
        {"DELETE", "libpod/containers/{id}", "remove a worker"},
        {"GET", "libpod/containers/{id}/logs", "what a failed worker said"},
        {"GET", "libpod/containers/{id}/healthcheck", "is a restored container healthy"},
        {"POST", "libpod/containers/{id}/exec", "prepare a hook"},
        {"POST", "libpod/exec/{id}/start", "run a hook"},
        {"GET", "libpod/exec/{id}/json", "a hook's exit code"},
    };
    return all;
}

const Endpoint& endpoint(Call call) {
    return endpoints().at(static_cast<std::size_t>(call));
}

std::string percent_encoded(std::string_view text, std::string_view kept) {
    static constexpr std::string_view plain =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    static constexpr char digits[] = "0123456789ABCDEF";
    std::string encoded;
    for (const char letter : text) {
        if (plain.find(letter) != std::string_view::npos || kept.find(letter) != std::string_view::npos) {
            encoded += letter;
            continue;
        }
        const auto byte = static_cast<unsigned char>(letter);
        encoded += '%';
        encoded += digits[byte >> 4U];
        encoded += digits[byte & 15U];
    }
    return encoded;
}

std::string path_of(Call call, std::string_view object, std::string_view query) {
    // Podman ignores the number but wants one; 4.0.0 is understood from 4.0 to 5.x.
    std::string path = call == Call::ping ? "/" : "/v4.0.0/";
    const std::string_view pattern = endpoint(call).path;
    const auto begin = pattern.find('{');
    if (begin == std::string_view::npos) {
        path += pattern;
    } else {
        path += pattern.substr(0, begin);
        path += percent_encoded(object, call == Call::image_exists ? "/:@" : "");
        path += pattern.substr(pattern.find('}') + 1);
    }
    if (!query.empty()) {
        path += '?';
        path += query;
    }
    return path;
}

} // namespace miraclemax::podman
