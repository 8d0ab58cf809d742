#!/usr/bin/env bash
# Sourced by quickstart.sh: makes podman usable as it is found, changing nothing that works.
#   podman_env_configure   exports CONTAINERS_CONF where containers don't start with podman's own settings
#   podman_env_service     sees that /run/podman/podman.sock answers
#   podman_env_end         ends the service, if this machine's service was started here; forgets all
# What is decided stays in /run/miraclemax-quickstart until the machine's next start.
set -euo pipefail
env_folder=/run/miraclemax-quickstart
podman_socket=/run/podman/podman.sock

with_systemd() { [ -d /run/systemd/system ]; }

# Starts the smallest container there can be: one static program in an empty root.
containers_start() {
    local root program status=0
    root=$(mktemp -d)
    program=$(command -v ldconfig || echo /sbin/ldconfig)
    cp "$program" "$root/probe"
    timeout 60 podman run --rm --network none --label miraclemax.probe=1 --rootfs "$root" /probe --version \
        >"$env_folder/probe.log" 2>&1 || status=$?
    rm -rf "$root"
    return $status
}

# write_containers_conf RUNTIME LIMIT: LIMIT is "none", or the most open files and processes to ask for
# where podman's own figures can't be set (no CAP_SYS_RESOURCE).
write_containers_conf() {
    local manager=cgroupfs logger=file
    with_systemd && manager=systemd logger=journald
    {
        if [ "$2" != none ]; then
            printf '[containers]\ndefault_ulimits = ["nofile=%s", "nproc=%s"]\n' \
                "$(at_most "$2" "$(ulimit -Hn)")" "$(at_most "$2" "$(ulimit -Hu)")"
        fi
        printf '[engine]\nruntime = "%s"\ncgroup_manager = "%s"\nevents_logger = "%s"\n' "$1" "$manager" "$logger"
        if [ -x /usr/lib/podman/netavark ] || [ -x /usr/libexec/podman/netavark ]; then
            printf '[network]\nnetwork_backend = "netavark"\n'
        fi
    } >"$env_folder/containers.conf"
}

at_most() { # at_most LIMIT HARD: soft:hard, never above what this shell may have
    local limit=$1
    if [ "$2" != unlimited ] && [ "$2" -lt "$limit" ]; then limit=$2; fi
    echo "$limit:$limit"
}

podman_env_configure() {
    local runtime limit
    mkdir -p "$env_folder" && chmod 0700 "$env_folder"
    if [ -z "${CONTAINERS_CONF:-}" ] && [ -s "$env_folder/containers.conf" ]; then
        export CONTAINERS_CONF=$env_folder/containers.conf
    fi
    containers_start && return 0
    for limit in none 32768 1024; do
        for runtime in crun runc; do
            command -v "$runtime" >/dev/null || continue
            write_containers_conf "$runtime" "$limit"
            export CONTAINERS_CONF=$env_folder/containers.conf
            if containers_start; then
                echo "podman's own settings don't start a container on this machine; with $runtime they start."
                return 0
            fi
        done
    done
    rm -f "$env_folder/containers.conf"
    echo "no container starts on this machine, neither with crun nor with runc; podman says:" >&2
    tail -n 3 "$env_folder/probe.log" >&2
    return 1
}

service_answers() {
    curl --silent --fail --max-time 5 --output /dev/null --unix-socket "$podman_socket" http://d/_ping 2>/dev/null
}

podman_env_service() {
    local try
    if with_systemd; then
        if [ -n "${CONTAINERS_CONF:-}" ]; then # the service has to know it as well, until the next start
            mkdir -p /run/systemd/system/podman.service.d
            printf '[Service]\nEnvironment=CONTAINERS_CONF=%s\n' "$CONTAINERS_CONF" \
                >/run/systemd/system/podman.service.d/miraclemax-quickstart.conf
            systemctl daemon-reload
        fi
        systemctl start podman.socket
    elif ! service_answers; then
        mkdir -p "$(dirname "$podman_socket")" && chmod 0700 "$(dirname "$podman_socket")"
        setsid podman system service --time=0 "unix://$podman_socket" \
            >"$env_folder/service.log" 2>&1 </dev/null &
        echo $! >"$env_folder/service.pid"
    fi
    for ((try = 0; try < 100; try++)); do
        service_answers && return 0
        sleep 0.1
    done
    echo "podman's service doesn't answer on $podman_socket" >&2
    return 1
}

podman_env_end() {
    local pid
    if pid=$(cat "$env_folder/service.pid" 2>/dev/null) &&
        tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" | grep -q 'podman system service'; then
        kill "$pid" 2>/dev/null || :
        rm -f "$podman_socket"
    fi
    if [ -e /run/systemd/system/podman.service.d/miraclemax-quickstart.conf ]; then
        rm -f /run/systemd/system/podman.service.d/miraclemax-quickstart.conf
        systemctl daemon-reload
    fi
    rm -rf "$env_folder"
}
