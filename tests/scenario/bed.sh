#!/usr/bin/env bash
# A bed: a podman of its own, with its service, in its own mount, network, pid and ipc namespaces.
# It shares nothing with the host's podman or with other beds; ending one process ends all of it.
#   bed.sh up DIR [ROOTFS]        ROOTFS: root of another Debian, whose podman is used instead
#   bed.sh in DIR CMD…            runs CMD in the bed, with stdin and stdout
#   bed.sh kill-service DIR [SIGNAL]   ends only the API service (default KILL); containers live on
#   bed.sh start-service DIR      starts it again on the same socket
#   bed.sh restart-service DIR    both
#   bed.sh down DIR               ends everything in the bed and deletes DIR
# The socket is DIR/api/podman.sock; it can be used from outside. Environment for `up`: BED_V2=1 shows the bed a
# cgroup v2 tree alone, BED_RT=crun chooses the runtime, BED_USER=name makes a rootless bed.
set -euo pipefail

fail() { echo "bed.sh: $*" >&2; exit 1; }

[ $# -ge 2 ] || { sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "$0" >&2; exit 2; }
op=$1 dir=$(realpath -m "$2")
shift 2
environment=(CONTAINERS_CONF="$dir/containers.conf" CONTAINERS_STORAGE_CONF="$dir/storage.conf"
    PODMAN_IGNORE_CGROUPSV1_WARNING=1 HOME=/root LC_ALL=C.UTF-8 TZ="${TZ:-UTC}"
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin)

answers() { curl --silent --fail --max-time 2 --output /dev/null --unix-socket "$dir/api/podman.sock" http://d/_ping; }

wait_for_service() {
    local try
    for ((try = 0; try < 500; try++)); do
        answers && return 0
        sleep 0.02
    done
    echo "bed.sh: the podman service in $dir doesn't answer:" >&2
    tail -n 20 "$dir/init.log" "$dir/service.log" >&2 || :
    return 1
}

# The bed's first process as the host numbers it: the only child of the unshare we started.
first_process() {
    local outer
    outer=$(cat "$dir/pid" 2>/dev/null) || fail "$dir is no bed"
    pgrep -P "$outer" | head -n 1 | grep . || fail "the bed in $dir isn't up"
}

inside() { # replaces this shell
    local pid
    pid=$(first_process)
    exec nsenter --target "$pid" --mount --net --pid --ipc env -i "${environment[@]}" "$@"
}

write_configuration() {
    cat >"$dir/storage.conf" <<CONF
[storage]
driver = "overlay"
graphroot = "$dir/root"
runroot = "$dir/run"
rootless_storage_path = "$dir/root"
CONF
    # ulimits: without CAP_SYS_RESOURCE podman's defaults can't be set. A pids limit needs a
    # controller that a v2 tree mounted beside v1 doesn't have.
    cat >"$dir/containers.conf" <<CONF
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
$([ -z "${BED_V2:-}" ] || echo 'pids_limit = 0')
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "${BED_RT:-runc}"
tmp_dir = "$dir/tmp"
static_dir = "$dir/root/libpod"
volume_path = "$dir/root/volumes"
[network]
network_backend = "netavark"
network_config_dir = "$dir/net"
CONF
}

write_scripts() {
    local user=${BED_USER:-}
    # Runs in the bed, in the foreground; it writes its pid as the bed numbers it.
    cat >"$dir/service.sh" <<SCRIPT
echo \$\$ >"$dir/service.pid"
run=
if [ -n "$user" ]; then
    export XDG_RUNTIME_DIR=/run/user/\$(id -u "$user") HOME="$dir/home"
    run="setpriv --reuid=$user --regid=$user --init-groups"
fi
exec \$run podman system service --time=0 "unix://$dir/api/podman.sock" >>"$dir/service.log" 2>&1 </dev/null
SCRIPT
    cat >"$dir/init.sh" <<SCRIPT
set -e
rootfs=$1
ip link set lo up
if [ -n "\$rootfs" ]; then
    mount --bind "\$rootfs" "\$rootfs"
    for tree in sys dev; do mount --rbind /\$tree "\$rootfs/\$tree"; done
    mount -t proc proc "\$rootfs/proc"
    mkdir -p "\$rootfs$dir" "\$rootfs/.outside"
    mount --rbind "$dir" "\$rootfs$dir"
    # pivot_root and not chroot: unpacking an image's layers remounts /.
    cd "\$rootfs"; pivot_root . .outside; cd /; umount -l /.outside
else
    mount -t proc proc /proc
fi
if [ -n "${BED_V2:-}" ]; then umount -R /sys/fs/cgroup; mount -t cgroup2 cgroup2 /sys/fs/cgroup; fi
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /dev/shm
unset XDG_RUNTIME_DIR
if [ -n "$user" ]; then
    mount --make-rshared /
    mount -t tmpfs tmpfs /dev/net
    mknod -m 666 /dev/net/tun c 10 200
    own=/run/user/\$(id -u "$user")
    mkdir -p "\$own" "$dir/home"
    chown -R "$user" "$dir" "\$own"
    chmod 700 "\$own"
fi
bash "$dir/service.sh" &
# This shell stays as the bed's process 1 when the service dies, and reaps what is left to it.
trap : TERM
while :; do sleep 1000 & wait \$! || :; done
SCRIPT
}

up() {
    local rootfs=${1:-}
    [ -z "$rootfs" ] || rootfs=$(realpath "$rootfs")
    case $dir in /run/* | /dev/*) fail "a bed can't lie in $dir, which is hidden inside of it" ;; esac
    [ ${#dir} -le 90 ] || fail "$dir is too long for a socket's path"
    [ ! -e "$dir/pid" ] || fail "there is a bed in $dir already"
    mkdir -p "$dir"/{root,run,tmp,net,api}
    write_configuration
    write_scripts "$rootfs"
    setsid env -i "${environment[@]}" unshare --mount --net --pid --ipc --fork --kill-child \
        --propagation private bash "$dir/init.sh" >"$dir/init.log" 2>&1 </dev/null &
    echo $! >"$dir/pid"
    wait_for_service
}

down() {
    local outer id folder try
    if outer=$(cat "$dir/pid" 2>/dev/null) &&
        tr '\0' ' ' 2>/dev/null <"/proc/$outer/cmdline" | grep -qF "$dir/init.sh"; then
        kill -KILL "$outer" 2>/dev/null || :
        for ((try = 0; try < 250; try++)); do
            [ -e "/proc/$outer" ] || break
            sleep 0.02
        done
    fi
    # Only this bed's own cgroups: an empty one may belong to a container that another bed starts.
    for folder in "$dir"/root/overlay-containers/*/; do
        id=$(basename "$folder")
        [[ $id =~ ^[0-9a-f]{64}$ ]] || continue
        rmdir /sys/fs/cgroup/{,*/}libpod_parent/libpod-{,conmon-}"$id" 2>/dev/null || :
    done
    # The kernel takes a moment to let the mounts of a dead namespace go.
    for ((try = 0; try < 50; try++)); do
        rm -rf --one-file-system "$dir" 2>/dev/null && return 0
        sleep 0.1
    done
    rm -rf --one-file-system "$dir"
}

kill_service() {
    local try
    (inside bash -c "kill -$1 \$(cat '$dir/service.pid')") || fail "the service isn't running"
    for ((try = 0; try < 250; try++)); do
        (inside bash -c "kill -0 \$(cat '$dir/service.pid') 2>/dev/null") || return 0
        sleep 0.02
    done
    fail "the service didn't end"
}

start_service() {
    (inside setsid --fork bash "$dir/service.sh")
    wait_for_service
}

case $op in
up) up "$@" ;;
in) [ $# -gt 0 ] || fail "in needs a command"; inside "$@" ;;
kill-service) kill_service "${1:-KILL}" ;;
start-service) start_service ;;
restart-service) kill_service KILL; start_service ;;
down) down ;;
*) fail "unknown operation $op" ;;
esac
