#!/usr/bin/env bash
# containerfiles/build.sh [--binary PATH] [--demo] [IMAGE]
#   builds the sidecar's image (default localhost/miraclemax:latest), or with --demo the image of
#   compose/demo.yml (default localhost/miraclemax-demo:latest)
#   --binary PATH   take this program instead of compiling (it must run on Debian 13);
#                   MIRACLEMAX_PREBUILT says the same
#   PODMAN          the podman to call, arguments allowed: PODMAN="podman --root /x --runroot /y"
#   BASE            the base image; else docker.io/library/debian:trixie-slim, and where no registry
#                   answers, one made with debootstrap (containerfiles/base.sh)
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=containerfiles/apt-mirror.sh
. "$here/apt-mirror.sh"
read -ra podman <<<"${PODMAN:-podman}"
binary=${MIRACLEMAX_PREBUILT:-} what=miraclemax image=
while [ $# -gt 0 ]; do
    case $1 in
    --binary) binary=${2:?--binary needs a path}; shift ;;
    --demo) what=demo ;;
    -h | --help) sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "$0"; exit 0 ;;
    -*) echo "unknown option $1 (see --help)" >&2; exit 2 ;;
    *) image=$1 ;;
    esac
    shift
done
official=docker.io/library/debian:trixie-slim
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

choose_base() {
    [ -z "${BASE:-}" ] || { echo "$BASE"; return; }
    if "${podman[@]}" image exists "$official"; then
        echo "$official"
    elif "${podman[@]}" image exists localhost/debian:trixie-slim; then
        echo localhost/debian:trixie-slim
    elif timeout 120 "${podman[@]}" pull --quiet "$official" >/dev/null 2>"$work/pull"; then
        echo "$official"
    else
        echo "no registry gave the base image ($(tail -n1 "$work/pull" | cut -c1-160))" >&2
        PODMAN="${podman[*]}" "$here/base.sh" >&2
        echo localhost/debian:trixie-slim
    fi
}

# build IMAGE ARGUMENT…: host's network and the host's apt, for the time of the build only. The mounted
# folders are copies that are thrown away, and writable since some packages put files into apt.conf.d.
build() {
    local name=$1 options=(--network host --pull=never)
    shift
    if write_apt_folders "$work/apt" trixie; then
        options+=(--volume "$work/apt/sources.list.d:/etc/apt/sources.list.d"
            --volume "$work/apt/apt.conf.d:/etc/apt/apt.conf.d" --security-opt label=disable)
    fi
    # Containers that can't start (see podman-env.sh) can't build either; a chroot always can.
    "${podman[@]}" build --isolation "${MIRACLEMAX_BUILD_ISOLATION:-chroot}" --layers "${options[@]}" \
        --tag "$name" "$@"
}

report() {
    local size
    size=$("${podman[@]}" image inspect --format '{{.Size}}' "$1")
    echo "$1 weighs $((size / 1000000)) MB:"
    "${podman[@]}" history --no-trunc --format '{{.Size}}|{{.CreatedBy}}' "$1" | awk -F'|' '
        $1 !~ /^0 ?B$/ { what = $2; gsub(/[ \t]+/, " ", what); sub(/^\/bin\/sh -c (#\(nop\) )?/, "", what)
            if (what ~ /apt-get install/) what = "Debian packages it needs at run time"
            else if (what ~ /^COPY.*hooks/) what = "ready hooks"
            else if (what ~ /^COPY/) what = "the program or its scripts"
            else what = "Debian 13 base"
            printf "  %-10s %s\n", $1, what }'
}

base=$(choose_base)
if [ "$what" = demo ]; then
    image=${image:-localhost/miraclemax-demo:latest}
    build "$image" --build-arg BASE="$base" --file "$here/demo/Containerfile" "$here/demo"
elif [ -n "$binary" ]; then
    [ -x "$binary" ] || { echo "$binary is no program" >&2; exit 1; }
    image=${image:-localhost/miraclemax:latest}
    build localhost/miraclemax-runtime:latest --target runtime --build-arg BASE="$base" --file "$here/Containerfile" "$here/.."
    mkdir "$work/program"
    cp "$binary" "$work/program/miraclemax"
    chmod 755 "$work/program/miraclemax"
    printf 'FROM localhost/miraclemax-runtime:latest\nCOPY miraclemax /usr/bin/miraclemax\n' >"$work/program/Containerfile"
    build "$image" --file "$work/program/Containerfile" "$work/program"
else
    image=${image:-localhost/miraclemax:latest}
    build "$image" --target miraclemax --build-arg BASE="$base" --file "$here/Containerfile" "$here/.."
fi
report "$image"
