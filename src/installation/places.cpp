// Where an installation's things are: file-hierarchy(7), podman-systemd.unit(5), the XDG base directories.
#include "installation/plan.hpp"

namespace miraclemax::installation {

namespace fs = std::filesystem;

const char* word(Way way) {
    return way == Way::quadlet ? "quadlet" : way == Way::timer ? "timer" : "compose";
}

std::optional<Way> way_from(const std::string& word) {
    for (const auto way : {Way::quadlet, Way::timer, Way::compose})
        if (word == installation::word(way))
            return way;
    return std::nullopt;
}

Places places(const Host& host, const Wish& wish) {
    if (wish.way == Way::compose)
        return {.config = wish.folder / "config.yml",
                .keys = wish.folder / "keys",
                .backups = wish.folder / "backups",
                .state = wish.folder,
                .units = wish.folder};
    const fs::path config = host.root ? "/etc/miraclemax" : host.config_home / "miraclemax";
    const fs::path backups = host.root ? "/var/backups/miraclemax" : host.data_home / "miraclemax/backups";
    const fs::path systemd = host.root ? "/etc/systemd/system" : host.config_home / "systemd/user";
    const fs::path quadlet = host.root ? "/etc/containers/systemd" : host.config_home / "containers/systemd";
    return {.config = config / "config.yml",
            .keys = config / "keys",
            .backups = wish.backups.empty() ? backups : wish.backups,
            .state = host.root ? "/var/lib/miraclemax" : host.state_home / "miraclemax",
            .units = wish.way == Way::quadlet ? quadlet : systemd};
}

} // namespace miraclemax::installation
