#include "installation/host.hpp"

#include "error.hpp"

#include <pwd.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

namespace miraclemax::installation {
namespace {

namespace fs = std::filesystem;

bool is_there(const fs::path& path) {
    std::error_code trouble;
    return fs::exists(path, trouble);
}

fs::path below(const fs::path& root, const fs::path& path) {
    return root / path.relative_path();
}

// systemd's own rule (sd_booted(3)).
bool booted_with_systemd(const fs::path& root) {
    return is_there(below(root, "/run/systemd/system"));
}

bool has_quadlet(const fs::path& root, bool rootless) {
    const fs::path generators =
        rootless ? "/usr/lib/systemd/user-generators" : "/usr/lib/systemd/system-generators";
    const char* name = rootless ? "podman-user-generator" : "podman-system-generator";
    return is_there(below(root, generators / name)) || is_there(below(root, "/usr/libexec/podman/quadlet"));
}

bool enforces_selinux(const fs::path& root) {
    char mode = '0';
    std::ifstream(below(root, "/sys/fs/selinux/enforce")) >> mode;
    return mode == '1';
}

// It stands in a unit: nothing but a name of tzdata.
bool is_zone(const std::string& name) {
    return !name.empty() && name.front() != '/' &&
           name.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/") ==
               std::string::npos;
}

// timedatectl's way: the link's target, else Debian's /etc/timezone.
std::string zone_of(const fs::path& root, const Surroundings& around) {
    if (const auto given = around.variable("TZ"); given && is_zone(*given))
        return *given;
    std::error_code trouble;
    auto zone = fs::read_symlink(below(root, "/etc/localtime"), trouble).generic_string();
    const auto at = zone.find("zoneinfo/");
    if (at != std::string::npos)
        zone.erase(0, at + 9);
    else {
        std::ifstream file(below(root, "/etc/timezone"));
        std::getline(file, zone);
    }
    return is_zone(zone) ? zone : "UTC";
}

fs::path base_folder(const Surroundings& around, const char* name, const fs::path& standard) {
    const auto given = around.variable(name);
    return given && given->starts_with('/') ? fs::path(*given) : standard;
}

void ask_systemd(Host& host, Outside& outside) {
    const auto yes = [&](std::vector<std::string> words) {
        words.insert(words.begin(), "systemctl");
        if (!host.root)
            words.insert(words.begin() + 1, "--user");
        return outside.run(words).code == 0;
    };
    host.socket_enabled =
        yes({"is-enabled", "--quiet", "podman.socket"}) && yes({"is-active", "--quiet", "podman.socket"});
    host.service_active = yes({"is-active", "--quiet", "miraclemax.service"});
    host.timer_enabled = yes({"is-enabled", "--quiet", "miraclemax-backup.timer"});
}

} // namespace

Surroundings surroundings() {
    Surroundings around;
    around.uid = ::geteuid();
    const passwd* entry = ::getpwuid(around.uid);
    around.user = entry != nullptr ? entry->pw_name : std::to_string(around.uid);
    around.variable = [](const std::string& name) -> std::optional<std::string> {
        const char* value = std::getenv(name.c_str());
        return value == nullptr ? std::nullopt : std::optional<std::string>(value);
    };
    return around;
}

Host look(const Surroundings& around, Outside& outside, const std::string& image) {
    Host host;
    host.root = around.uid == 0;
    host.user = around.user;
    host.home = base_folder(around, "HOME", host.root ? "/root" : fs::path());
    if (host.home.empty())
        throw Error(ExitCode::config, "HOME is not set", "set it: a rootless installation lives there");
    host.config_home = base_folder(around, "XDG_CONFIG_HOME", host.home / ".config");
    host.state_home = base_folder(around, "XDG_STATE_HOME", host.home / ".local/state");
    host.data_home = base_folder(around, "XDG_DATA_HOME", host.home / ".local/share");
    host.zone = zone_of(around.root, around);
    host.systemd = booted_with_systemd(around.root) && (host.root || around.variable("XDG_RUNTIME_DIR"));
    host.quadlet = has_quadlet(around.root, !host.root);
    host.selinux = enforces_selinux(around.root);
    host.lingers =
        !host.root && is_there(below(around.root, fs::path("/var/lib/systemd/linger") / host.user));
    if (host.systemd)
        ask_systemd(host, outside);
    // Podman makes its storage when it is asked anything at all: where there is none it is not asked.
    const auto storage = (host.root ? fs::path("/var/lib") : host.data_home) / "containers/storage";
    if (!image.empty() && is_there(below(around.root, storage)))
        if (const auto answer = outside.run({"podman", "image", "exists", image}); answer.code <= 1)
            host.image = answer.code == 0;
    if (is_there(below(around.root, storage / "volumes")))
        host.volumes = storage / "volumes";
    return host;
}

std::vector<std::string> told(const Host& host) {
    std::vector<std::string> lines;
    lines.push_back(host.root ? "rootful: podman and systemd of the whole host"
                              : "rootless: podman and systemd of " + host.user);
    lines.push_back(!host.systemd
                        ? "systemd does not run here, or does not answer: nothing is enabled or started"
                    : !host.quadlet ? "systemd runs here; podman has no Quadlet (it comes with podman 4.4)"
                                    : "systemd runs here, and podman has Quadlet");
    if (host.systemd)
        lines.push_back(host.socket_enabled ? "podman.socket is enabled"
                                            : "podman.socket is not enabled yet");
    if (host.selinux)
        lines.push_back(
            "SELinux is enforcing: the sidecar runs with label=disable, and nothing is relabelled");
    lines.push_back(host.volumes.empty() ? "no volumes where podman keeps them by default"
                                         : "volumes live in " + host.volumes.string());
    lines.push_back("time zone " + host.zone);
    return lines;
}

} // namespace miraclemax::installation
