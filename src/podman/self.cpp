#include "podman/rest_engine.hpp"

#include <sstream>

namespace miraclemax::podman {

namespace {

constexpr std::size_t id_length = 64;

// Podman keeps the files that it mounts into a container in <run root>/<driver>-containers/<id>/userdata/.
std::optional<std::string> id_within(const std::string& root) {
    static constexpr std::string_view before = "-containers/";
    static constexpr std::string_view after = "/userdata/";
    for (auto at = root.find(before); at != std::string::npos; at = root.find(before, at + 1)) {
        const auto id = root.substr(at + before.size(), id_length);
        if (id.size() == id_length && id.find_first_not_of("0123456789abcdef") == std::string::npos &&
            root.compare(at + before.size() + id_length, after.size(), after) == 0)
            return id;
    }
    return std::nullopt;
}

} // namespace

// Fields of a line: proc_pid_mountinfo(5). /etc/hostname is second, for it may be another container's.
std::optional<std::string> own_container_id(const std::string& mountinfo) {
    std::optional<std::string> by_hostname;
    std::istringstream lines(mountinfo);
    for (std::string line; std::getline(lines, line);) {
        std::istringstream fields(line);
        std::string number;
        std::string parent;
        std::string device;
        std::string root;
        std::string point;
        if (!(fields >> number >> parent >> device >> root >> point))
            continue;
        if (point == "/run/.containerenv") {
            if (auto id = id_within(root))
                return id;
        } else if (point == "/etc/hostname" && !by_hostname) {
            by_hostname = id_within(root);
        }
    }
    return by_hostname;
}

} // namespace miraclemax::podman
