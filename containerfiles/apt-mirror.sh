#!/usr/bin/env bash
# Sourced: what this machine's own apt says about Debian mirrors, for use inside an image build.
# Nothing of it is written into an image: the folders are mounted while the build runs.
set -euo pipefail

# apt_uri LABEL: the address of the first archive with that Release label ("Debian",
# "Debian-Security"); empty where there is none, or no apt at all.
apt_uri() {
    command -v apt-get >/dev/null || return 0
    # shellcheck disable=SC2016  # apt's own variables
    apt-get indextargets --format '$(LABEL)|$(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
        awk -F'|' -v label="$1" '$1 == label && $2 ~ /^https?:/ { sub(/\/$/, "", $2); print $2; exit }'
}

debian_mirror() {
    local uri
    uri=$(apt_uri Debian)
    if [ -z "$uri" ] && command -v apt-get >/dev/null && [ "$(id -u)" -eq 0 ]; then
        apt-get update -qq >&2 || return 0 # a fresh machine has no lists yet
        uri=$(apt_uri Debian)
    fi
    echo "$uri"
}

# write_apt_folders DIR SUITE: makes DIR/sources.list.d and DIR/apt.conf.d from the machine's apt;
# returns 1 where the machine has no Debian mirror.
write_apt_folders() {
    local dir=$1 suite=$2 mirror security
    mirror=$(debian_mirror)
    [ -n "$mirror" ] || return 1
    security=$(apt_uri Debian-Security)
    mkdir -p "$dir/sources.list.d" "$dir/apt.conf.d"
    {
        echo "deb $mirror $suite main"
        echo "deb $mirror $suite-updates main"
        [ -z "$security" ] || echo "deb $security $suite-security main"
    } >"$dir/sources.list.d/host.list"
    {
        echo 'APT::Install-Recommends "false";'
        echo 'Acquire::Languages "none";'
        echo 'Dir::Cache::pkgcache "";'
        echo 'Dir::Cache::srcpkgcache "";'
        apt-config dump | grep -E '^Acquire::(https?::Proxy|Check-Valid-Until|Check-Date|ForceIPv4|Retries)\b' || :
        if [[ $mirror$security == *https:* && -r /etc/ssl/certs/ca-certificates.crt ]]; then
            cp /etc/ssl/certs/ca-certificates.crt "$dir/apt.conf.d/ca.pem.disabled"
            echo 'Acquire::https::CaInfo "/etc/apt/apt.conf.d/ca.pem.disabled";'
        fi
    } >"$dir/apt.conf.d/50host"
    chmod -R a+rX "$dir" # apt fetches as its own user
}
