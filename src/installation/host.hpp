// What the host is: the facts that a plan is made of.
#pragma once

#include "installation/outside.hpp"

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

namespace miraclemax::installation {

struct Host {
    bool root = true; // else rootless: this user's own podman and systemd
    std::string user = "root";
    std::filesystem::path home = "/root";
    std::filesystem::path config_home = "/root/.config";     // XDG_CONFIG_HOME
    std::filesystem::path state_home = "/root/.local/state"; // XDG_STATE_HOME
    std::filesystem::path data_home = "/root/.local/share";  // XDG_DATA_HOME
    std::string zone = "UTC";                                // of tzdata
    bool systemd = false;                                    // runs here, and answers this user
    bool quadlet = false;                                    // podman's generator is installed
    bool selinux = false;                                    // enforcing
    bool socket_enabled = false;                             // podman.socket
    bool lingers = false;                                    // rootless: units run without a login
    bool service_active = false;                             // miraclemax.service
    bool timer_enabled = false;                              // miraclemax-backup.timer
    std::optional<bool> image{};                             // it is there; nothing: podman can't be asked
    std::filesystem::path volumes{}; // podman's volumes by its default; empty: none there
};

// What `look` asks, so that a test can answer.
struct Surroundings {
    std::filesystem::path root = "/"; // where the system's files are
    unsigned uid = 0;
    std::string user = "root";
    std::function<std::optional<std::string>(const std::string& name)> variable;
};
Surroundings surroundings(); // of this process

// Asks systemctl and, unless `image` is empty, podman; changes nothing.
Host look(const Surroundings& around, Outside& outside, const std::string& image);

// One line each, for people.
std::vector<std::string> told(const Host& host);

} // namespace miraclemax::installation
