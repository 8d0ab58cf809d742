#include "installation/units.hpp"

#include "error.hpp"

#include <fmt/format.h>

#include <sstream>

namespace miraclemax::installation {
namespace {

std::string service(const std::string& description, const Places& places, const std::string& start,
                    const std::string& more) {
    return fmt::format(R"(# Written by `miraclemax install --timer`.
[Unit]
Description=miraclemax: {}
Documentation=man:miraclemax(1)
Requires=podman.socket
After=podman.socket
RequiresMountsFor={} {}

[Service]
Type=oneshot
ExecStart={}
UMask=0077
# Only the run itself is asked to end: it ends its workers when everything is released.
KillMode=mixed
TimeoutStopSec=30
{})",
                       description, places.backups.string(), places.state.string(), start, more);
}

std::string timer(const std::string& description, const std::string& when) {
    return fmt::format(
        R"(# Written by `miraclemax install --timer`. Another time: `systemctl edit` this timer.
[Unit]
Description=miraclemax: {}

[Timer]
OnCalendar={}
# Caught up at once when the host was off.
Persistent=true

[Install]
WantedBy=timers.target
)",
        description, when);
}

std::string call(const Places& places, const std::string& program, const std::string& verb) {
    return program + " --config " + places.config.string() + " " + verb;
}

} // namespace

std::string container_unit(const Places& places, const std::string& image, const std::string& zone) {
    return fmt::format(
        R"(# The miraclemax sidecar as a Quadlet unit, for podman 4.4 and later; `miraclemax install` writes it.
# By hand: put it and miraclemax-state.volume into /etc/containers/systemd (rootless:
# ~/.config/containers/systemd, with folders of your own below), then
#   systemctl enable --now podman.socket && systemctl daemon-reload && systemctl start miraclemax.service
# It needs no access to your volumes and no capabilities: podman gives each backup a helper container of this
# same image, with one volume mounted read-only and no network.
[Unit]
Description=miraclemax: backups of podman's volumes
Documentation=man:miraclemax(1)
Requires=podman.socket
After=podman.socket
RequiresMountsFor={backups}

[Container]
Image={image}
ContainerName=miraclemax
Exec=serve
# Names of backups and the schedule follow this zone.
Environment=TZ={zone}
# The folder, not the socket file: a mounted file would go stale when podman's service restarts.
Volume=%t/podman:/run/podman
Volume={backups}:/backups
# Journal, run records and signing key: a local volume, never NFS, never part of a backup.
Volume=miraclemax-state.volume:/var/lib/miraclemax
Volume={config}:/etc/miraclemax:ro
# Public keys alone: who may decrypt. The private key stays off this host.
Volume={keys}:/keys:ro
ReadOnly=true
DropCapability=all
NoNewPrivileges=true
# On SELinux hosts a confined container can't use the socket; elsewhere this does nothing.
SecurityLabelDisable=true
# Metrics and status page, for this host alone.
PublishPort=127.0.0.1:9847:9847
# Quadlet of podman 4.4 has no keys for what follows.
PodmanArgs=--tmpfs /tmp
# Long enough to release what is frozen.
PodmanArgs=--stop-timeout 15
PodmanArgs='--health-cmd=["miraclemax","check","--health"]'
PodmanArgs=--health-interval 5m --health-timeout 30s --health-start-period 1m

[Service]
Restart=always
RestartSec=5
TimeoutStopSec=30

[Install]
WantedBy=default.target
)",
        fmt::arg("image", image), fmt::arg("zone", zone), fmt::arg("backups", places.backups.string()),
        fmt::arg("config", places.config.parent_path().string()), fmt::arg("keys", places.keys.string()));
}

std::string volume_unit() {
    return R"(# The sidecar's state: podman calls the volume systemd-miraclemax-state.
[Unit]
Description=miraclemax: journal, run records and signing key

[Volume]
)";
}

std::string backup_service(const Places& places, const std::string& program) {
    return service("a backup of podman's volumes", places, call(places, program, "backup"),
                   "# Whatever ended it, and however: no container stays frozen.\nExecStopPost=" +
                       call(places, program, "recover") + "\n");
}

std::string backup_timer() {
    return timer("a backup every night", "*-*-* 03:00:00");
}

std::string verify_service(const Places& places, const std::string& program) {
    return service("proof of the latest backup", places, call(places, program, "verify"), "");
}

std::string verify_timer() {
    return timer("proof of the latest backup every week", "Sun *-*-* 05:30:00");
}

std::string recover_service(const Places& places, const std::string& program) {
    return service("start what a run left stopped when the host went down", places,
                   call(places, program, "recover"), "\n[Install]\nWantedBy=default.target\n");
}

std::string compose_file(const std::string& image, const std::string& zone, bool rootless) {
    return fmt::format(R"(# The sidecar; `miraclemax install --compose` writes it. Bring it up in this folder:
#   podman-compose -f miraclemax.yml up -d
# or copy the service into your own compose file. It needs no access to your volumes and no capabilities: podman
# gives each backup a helper container of this same image, with one volume mounted read-only and no network.
services:
  miraclemax:
    image: {image}
    container_name: miraclemax
    command: ["serve"]
    restart: always
    environment:
      # Names of backups and the schedule follow this zone.
      TZ: ${{TZ:-{zone}}}
    ports:
      # Metrics and status page, for this host alone.
      - "127.0.0.1:9847:9847"
    volumes:
      # The folder, not the socket file: a mounted file would go stale when podman's service restarts.
      - {socket}:/run/podman
      - ${{MIRACLEMAX_BACKUPS:-./backups}}:/backups
      # Journal, run records and signing key: a local volume, never NFS, never part of a backup.
      - miraclemax-state:/var/lib/miraclemax
      # Public keys alone (*.asc): who may decrypt. The private key stays off this host.
      - ./keys:/keys:ro
      - ./config.yml:/etc/miraclemax/config.yml:ro
    read_only: true
    tmpfs:
      - /tmp
    cap_drop:
      - ALL
    security_opt:
      - no-new-privileges
      # On SELinux hosts a confined container can't use the socket; elsewhere this does nothing.
      - label=disable
    # Long enough to release what is frozen; compose's own stop honours it.
    stop_grace_period: 15s
    # Unhealthy: the last good backup is older than it should be, or podman can't be reached.
    healthcheck:
      test: miraclemax check --health
      interval: 5m
      timeout: 30s
      start_period: 1m

volumes:
  miraclemax-state:
    name: miraclemax-state
)",
                       fmt::arg("image", image), fmt::arg("zone", zone),
                       fmt::arg("socket", rootless ? "${XDG_RUNTIME_DIR}/podman" : "/run/podman"));
}

std::string with_value(const std::string& text, const std::string& key, const std::string& value) {
    std::istringstream lines(text);
    std::string changed;
    std::vector<std::pair<std::size_t, std::string>> open;
    bool found = false;
    for (std::string line; std::getline(lines, line);) {
        const auto indent = line.find_first_not_of(' ');
        const auto colon = line.find(':');
        if (indent != std::string::npos && line[indent] != '#' && line[indent] != '-' &&
            colon != std::string::npos) {
            while (!open.empty() && open.back().first >= indent)
                open.pop_back();
            open.emplace_back(indent, line.substr(indent, colon - indent));
            std::string whole;
            for (const auto& part : open)
                whole += (whole.empty() ? "" : ".") + part.second;
            if (whole == key) {
                line = line.substr(0, colon + 1) + " " + value;
                found = true;
            }
        }
        changed += line + "\n";
    }
    if (!found)
        throw Error(ExitCode::failed, "the configuration's example has no option " + key);
    return changed;
}

} // namespace miraclemax::installation
