#!/usr/bin/env bash
# containerfiles/base.sh: makes localhost/debian:trixie-slim with debootstrap from the machine's own
# apt mirror, for machines where no registry answers. The tree is kept in build/base/trixie.tar.
# PODMAN: the podman to call (default: podman), arguments allowed.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=containerfiles/apt-mirror.sh
. "$here/apt-mirror.sh"
read -ra podman <<<"${PODMAN:-podman}"
suite=trixie image=localhost/debian:trixie-slim
cache=$here/../build/base tar=$here/../build/base/$suite.tar

make_tree() {
    local tree=$1 mirror keyring
    command -v debootstrap >/dev/null || {
        echo "debootstrap is missing: apt-get install debootstrap debian-archive-keyring" >&2; return 1; }
    mirror=$(debian_mirror)
    [ -n "$mirror" ] || { echo "no Debian mirror in this machine's apt configuration" >&2; return 1; }
    keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    debootstrap --variant=minbase --keyring="$keyring" "$suite" "$tree" "$mirror" >"$cache/debootstrap.log" ||
        { tail -5 "$cache/debootstrap.log" >&2; return 1; }
    # Slim, as the official image is: no documents but the copyrights, no lists, no host's mirror.
    find "$tree"/usr/share/doc -mindepth 1 ! -type d ! -name copyright -delete
    find "$tree"/usr/share/doc -mindepth 1 -type d -empty -delete
    rm -rf "$tree"/usr/share/{man,info,locale,lintian}/* "$tree"/var/cache/apt/* "$tree"/var/lib/apt/lists/* \
        "$tree"/var/log/*.log "$tree"/var/log/apt "$tree"/etc/apt/sources.list "$tree"/etc/resolv.conf "$tree"/etc/hostname
    printf '%s\n' 'path-exclude=/usr/share/doc/*' 'path-include=/usr/share/doc/*/copyright' \
        'path-exclude=/usr/share/man/*' 'path-exclude=/usr/share/locale/*' >"$tree"/etc/dpkg/dpkg.cfg.d/slim
    # Packages must not start services while an image is built.
    printf '#!/bin/sh\nexit 101\n' >"$tree"/usr/sbin/policy-rc.d
    chmod 755 "$tree"/usr/sbin/policy-rc.d
}

if [ ! -s "$tar" ]; then
    echo "making a Debian $suite base with debootstrap (about a minute)"
    mkdir -p "$cache"
    work=$(mktemp -d "$cache/tree.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    chmod 755 "$work"
    make_tree "$work"
    tar -C "$work" --numeric-owner --one-file-system --exclude=./dev/* --exclude=./proc/* --exclude=./sys/* \
        -cf "$tar.part" .
    mv "$tar.part" "$tar"
fi
"${podman[@]}" image exists "$image" ||
    "${podman[@]}" import --change 'CMD ["bash"]' "$tar" "$image" >/dev/null
echo "$image: $(du -h "$tar" | cut -f1) made by debootstrap"
