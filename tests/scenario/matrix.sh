#!/usr/bin/env bash
# The scenario tests against each podman and each view of cgroups that this machine can show:
#   matrix.sh PROGRAM FOLDER      FOLDER gets one JUnit file a combination
#   podman: this machine's own, and that of the other Debian (12: 4.3.1, 13: 5.4.2), whose root is given as
#           MIRACLEMAX_TEST_ROOTFS or made once by debootstrap in /var/tmp/miraclemax-test-SUITE
#   cgroups: v1, v2. Runtime: runc; crun for what freezes and kills, in Debian 13 on v2.
#   rootless: test_rootless.py alone, in the other Debian, where a user can be made for it
# The first combination is run in the long form if MIRACLEMAX_TEST_LONG is set, the others in the quick one, beside it.
# What can't be run is printed with its reason.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
[ $# -eq 2 ] || { sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "$0" >&2; exit 2; }
program=$1 folder=$2
user=mmrootless
failed=0 long='' # the process that runs the long form

skip() { echo "skipped: $1: $2"; }

other_suite() {
    case $(podman version --format '{{.Client.Version}}') in
    4.*) echo trixie ;;
    *) echo bookworm ;;
    esac
}

# Prints the root of the other Debian; fails with a reason on stderr.
other_root() {
    local suite=$1 root=/var/tmp/miraclemax-test-$1 mirror
    if [ -n "${MIRACLEMAX_TEST_ROOTFS:-}" ]; then
        echo "$MIRACLEMAX_TEST_ROOTFS"
        return
    fi
    if [ ! -e "$root/.ready" ]; then
        command -v debootstrap >/dev/null || { echo "debootstrap is not installed" >&2; return 1; }
        mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null |
            grep -v '^ *#' | grep -oE 'https?://[^] ]+' | grep -v security | head -n 1)
        [ -n "$mirror" ] || { echo "apt here has no mirror over http" >&2; return 1; }
        rm -rf --one-file-system "$root"
        debootstrap --variant=minbase "$suite" "$root" "$mirror" >"$folder/debootstrap.log" 2>&1 ||
            { echo "debootstrap $suite failed: $(tail -n 1 "$folder/debootstrap.log")" >&2; return 1; }
        cp /etc/resolv.conf "$root/etc/" || :
        # What lets apt here reach its mirror may be a proxy or a certificate of this machine.
        cp -a /etc/apt/apt.conf.d/. "$root/etc/apt/apt.conf.d/" 2>/dev/null || :
        chroot "$root" sh -ec 'export DEBIAN_FRONTEND=noninteractive; apt-get update -qq
            apt-get install -y -qq --no-install-recommends podman runc crun netavark aardvark-dns conmon \
                slirp4netns uidmap nftables iptables ca-certificates' >>"$folder/debootstrap.log" 2>&1 ||
            { echo "podman could not be installed in $root: $(tail -n 1 "$folder/debootstrap.log")" >&2; return 1; }
        touch "$root/.ready"
    fi
    echo "$root"
}

can_show() { # can_show v1|v2
    case $1 in
    v1) [ "$(stat -fc %T /sys/fs/cgroup)" != cgroup2fs ] ;;
    v2) unshare --mount sh -c 'umount -R /sys/fs/cgroup && mount -t cgroup2 cgroup2 /sys/fs/cgroup' 2>/dev/null ;;
    esac
}

suite() { # suite NAME ROOT VIEW [TEST…]
    local name=$1 root=$2 view=$3 environment=()
    shift 3
    [ "$view" = v1 ] || environment+=(BED_V2=1)
    [ -z "$root" ] || environment+=(MIRACLEMAX_TEST_ROOTFS="$root")
    local jobs=1 command
    [ -z "${MIRACLEMAX_TEST_LONG:-}" ] || jobs=2
    command=(env -u BED_V2 -u MIRACLEMAX_TEST_ROOTFS "${environment[@]}"
        /usr/bin/python3 "$here/run.py" --jobs "$jobs" "$program" "$folder/scenario-${name// /-}.xml" "$@")
    if [ -n "${MIRACLEMAX_TEST_LONG:-}" ]; then
        "${command[@]}" >"$folder/long.log" 2>&1 &
        long=$!
        unset MIRACLEMAX_TEST_LONG
        return
    fi
    echo "-- $name"
    "${command[@]}" || failed=1
}

mkdir -p "$folder"
own=$(podman version --format '{{.Client.Version}}')
suite=$(other_suite)
if root=$(other_root "$suite" 2>"$folder/why"); then
    other=$(chroot "$root" dpkg-query -W -f '${Version}' podman | sed 's/[+~-].*//')
else
    root='' other=$suite
fi
for view in v1 v2; do
    if ! can_show "$view"; then
        skip "podman $own and $other, cgroup $view" "this machine can't show it"
        continue
    fi
    suite "podman $own cgroup $view" "" "$view"
    if [ -n "$root" ]; then
        suite "podman $other cgroup $view" "$root" "$view"
    else
        skip "podman of Debian $suite, cgroup $view" "$(cat "$folder/why")"
    fi
done
# crun is what Debian 13 and Fedora run containers with; Debian 12's fails in a bed without the host's rights.
if [ -z "$root" ] || [ "$suite" != trixie ]; then
    skip "crun" "only Debian 13's runs here, beside a Debian 12"
elif ! can_show v2; then
    skip "crun" "this machine can't show cgroup v2"
else
    BED_RT=crun suite "podman $other crun cgroup v2" "$root" v2 test_freeze test_interruption test_main_path test_faults
fi
if [ -z "$root" ]; then
    skip "rootless" "$(cat "$folder/why")"
elif ! chroot "$root" sh -c "command -v newuidmap >/dev/null && { id $user || useradd -m $user; }" >/dev/null 2>&1; then
    skip "rootless" "no user can be made in $root"
else
    for view in v1 v2; do
        can_show "$view" || { skip "rootless, cgroup $view" "this machine can't show it"; continue; }
        BED_USER=$user suite "podman $other rootless cgroup $view" "$root" "$view" test_rootless
    done
fi
if [ -n "$long" ]; then
    wait "$long" || failed=1
    echo "-- the long form, podman $own"
    cat "$folder/long.log"
fi
exit $failed
