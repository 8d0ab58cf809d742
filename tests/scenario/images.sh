#!/usr/bin/env bash
# The two images that beds need, made from this machine's own files: no registry, no debootstrap.
#   images.sh build BINARY        makes both tars in build/images (kept by a hash of what goes in)
#   images.sh load DIR BINARY     the same, and imports them into the bed in DIR (see bed.sh)
#   localhost/miraclemax-test:1   busybox alone: the application containers of the tests
#   localhost/miraclemax:test     BINARY as the sidecar, with its libraries, gpg and time zones; it
#                                 brings its own C library, so it runs on any bed's Debian
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=$here/../../build/images
# What the sidecar has beside its program: gpgme starts these, and hooks may want a shell.
programs=(/usr/bin/gpg /usr/bin/gpgconf /usr/bin/gpg-agent /usr/bin/gpg-connect-agent)

busybox_path() {
    local path
    path=$(command -v busybox) || { echo "images.sh: busybox-static is missing" >&2; return 1; }
    realpath "$path"
}

libraries() { # libraries PROGRAM…: every shared library they load, the loader among them
    ldd "$@" 2>/dev/null | awk '/=> \// { print $3 } /^[ \t]*\// && !/:$/ { print $1 }' | sort -u
}

hash_of() { sha256sum "$@" "${BASH_SOURCE[0]}" | sha256sum | cut -c1-16; }

skeleton() { # skeleton ROOT BUSYBOX: merged /usr, busybox and all its names, users, the usual folders
    local root=$1 name
    mkdir -p "$root"/usr/{bin,sbin,lib,lib64,share} "$root"/{etc,tmp,proc,sys,dev,run,root,var/tmp,data}
    for name in bin sbin lib lib64; do ln -s "usr/$name" "$root/$name"; done
    chmod 1777 "$root/tmp" "$root/var/tmp"
    cp "$2" "$root/bin/busybox"
    while read -r name; do
        [ "$name" = busybox ] || ln -s busybox "$root/bin/$name"
    done < <("$2" --list)
    printf '%s\n' 'root:x:0:0:root:/root:/bin/sh' 'app:x:1000:1000:app:/tmp:/bin/sh' >"$root/etc/passwd"
    printf '%s\n' 'root:x:0:' 'app:x:1000:' >"$root/etc/group"
    echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
}

pack() { # pack ROOT TAR: whole or not at all, and the same bytes for the same files
    tar -C "$1" --sort=name --mtime=@0 --numeric-owner --owner=0 --group=0 -cf "$2.$$" .
    mv "$2.$$" "$2"
}

make_application() {
    local root=$work/application
    skeleton "$root" "$busybox"
    pack "$root" "$1"
}

make_sidecar() { # make_sidecar TAR BINARY
    local root=$work/sidecar file name
    skeleton "$root" "$busybox"
    cp "$2" "$root/usr/bin/miraclemax"
    chmod 755 "$root/usr/bin/miraclemax"
    for name in backup restore; do ln -s miraclemax "$root/usr/bin/pai-miraclemax-$name"; done
    cp "${programs[@]}" "$root/usr/bin/"
    while read -r file; do
        mkdir -p "$root$(dirname "$file")"
        cp -L "$file" "$root$file"
    done < <(libraries "$2" "${programs[@]}")
    [ ! -d /usr/share/zoneinfo ] || cp -a /usr/share/zoneinfo "$root/usr/share/"
    mkdir -p "$root"/{backups,keys,etc/miraclemax,run/podman} "$root/usr/share/miraclemax" "$root/var/lib/miraclemax"
    cp -a "$here/../../hooks" "$root/usr/share/miraclemax/hooks"
    pack "$root" "$1"
}

build() {
    local binary=$1 list
    [ -x "$binary" ] || { echo "images.sh: $binary is no program" >&2; return 1; }
    busybox=$(busybox_path)
    mkdir -p "$cache"
    mapfile -t list < <(libraries "$binary" "${programs[@]}")
    application=$cache/application-$(hash_of "$busybox").tar
    sidecar=$cache/sidecar-$(hash_of "$binary" "$busybox" "${programs[@]}" "${list[@]}" "$here"/../../hooks/*/*).tar
    work=$(mktemp -d "$cache/work.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    [ -s "$application" ] || make_application "$application"
    if [ ! -s "$sidecar" ]; then
        make_sidecar "$sidecar" "$binary"
        # Each build of the program makes one of 60 MB: keep the newest few.
        find "$cache" -maxdepth 1 -name 'sidecar-*.tar' -printf '%T@ %p\n' | sort -rn | tail -n +4 | cut -d' ' -f2- | xargs -r rm -f
    fi
}

import() { # import DIR TAR IMAGE CHANGE…: through stdin, since a bed with a root of its own sees only DIR
    local dir=$1 tar=$2 image=$3 change options=()
    shift 3
    for change in "$@"; do options+=(--change "$change"); done
    "$here/bed.sh" in "$dir" podman import --quiet "${options[@]}" - "$image" <"$tar" >/dev/null
}

load() {
    build "$2"
    import "$1" "$application" localhost/miraclemax-test:1 'CMD ["sleep", "infinity"]'
    import "$1" "$sidecar" localhost/miraclemax:test 'ENTRYPOINT ["/usr/bin/miraclemax"]' 'CMD ["serve"]'
}

case "${1:-} $#" in
"build 2") build "$2"; printf '%s\n' "$application" "$sidecar" ;;
"load 3") load "$2" "$3" ;;
*) sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "$0" >&2; exit 2 ;;
esac
