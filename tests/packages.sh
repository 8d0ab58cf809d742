#!/usr/bin/env bash
# The Debian packages that miraclemax needs to be built and to be tested; Debian 12 and 13.
#   tests/packages.sh [build] [test]    installs what is missing (as root); both lists without arguments
#   . tests/packages.sh                 gives install_build_packages and install_test_packages
# Nothing is asked of the network when nothing is missing.
set -euo pipefail

build_packages=(
    g++ cmake ninja-build pkg-config
    libcurl4-openssl-dev nlohmann-json3-dev libarchive-dev libgpgme-dev libyaml-cpp-dev libfmt-dev
    libcli11-dev libspdlog-dev libisal-dev libzstd-dev libssl-dev libseccomp-dev libacl1-dev
    prometheus-cpp-dev
)
test_packages=(
    libgtest-dev libgmock-dev
    # what the tests call: stock tools that must read what miraclemax wrote
    gnupg tar gzip zstd acl attr libcap2-bin mtree-netbsd sqlite3
    postgresql # its programs, in a container of a bed: see without_services
    rpm # the package for Fedora is built and looked into too
    # podman in a bed (tests/scenario/bed.sh); runc, since crun needs CAP_SYS_RESOURCE on some machines
    podman podman-compose conmon runc netavark aardvark-dns iptables busybox-static
    # promtool, for the metrics and the alert rules
    prometheus
    util-linux iproute2 procps curl jq e2fsprogs strace
    # what is told to people, and how it is measured
    prometheus-alertmanager openssl
    # the man page, completions and the package
    zsh fish groff-base bsdextrautils file dpkg-dev
    python3 shellcheck clang-format tzdata ca-certificates
)

# Those of the arguments that dpkg does not know as installed, one a line.
missing_packages() {
    local package
    for package in "$@"; do
        # db:Status-Status is "installed" only when unpacked and configured.
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || echo "$package"
    done
}

install_packages() {
    local missing
    mapfile -t missing < <(missing_packages "$@")
    [ ${#missing[@]} -gt 0 ] || return 0
    if [ "$(id -u)" -ne 0 ]; then
        echo "these packages are missing, and only root can install them: ${missing[*]}" >&2
        return 1
    fi
    echo "installing: ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    without_services apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# The tests want programs, not the services that come with them: nothing is started, now or at the next boot.
without_services() {
    local policy=/usr/sbin/policy-rc.d made='' code=0 service
    local clusters=/etc/postgresql-common/createcluster.d
    local no_cluster=$clusters/miraclemax-tests.conf
    if [ ! -e "$policy" ]; then
        made=yes
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod 755 "$policy"
    fi
    # Nor does PostgreSQL make a database of this machine's own. It stays as it was for whoever installs another later.
    mkdir -p "$clusters"
    echo 'create_main_cluster = false' >"$no_cluster"
    "$@" || code=$?
    rm -f "$no_cluster"
    rmdir --ignore-fail-on-non-empty -p "$clusters" 2>/dev/null || :
    [ -z "$made" ] || rm -f "$policy"
    [ ! -d /run/systemd/system ] || for service in prometheus prometheus-alertmanager postgresql; do
        [[ " ${missing[*]} " != *" $service "* ]] || systemctl disable --quiet "$service" || :
    done
    return "$code"
}

install_build_packages() { install_packages "${build_packages[@]}"; }
install_test_packages() { install_packages "${test_packages[@]}"; }

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
    [ $# -gt 0 ] || set -- build test
    for list in "$@"; do
        case $list in
        build) install_build_packages ;;
        test) install_test_packages ;;
        *) echo "usage: tests/packages.sh [build] [test]" >&2; exit 2 ;;
        esac
    done
fi
