#!/usr/bin/env bash
# sudo compose/quickstart.sh [--binary PATH]   from a fresh Debian to a backup that stock tools open
#      compose/quickstart.sh --down            removes everything it made (not the packages), with
#                                              the demo's backups and keys
# Brings up miraclemax.yml and demo.yml, makes a key pair if compose/keys has none, backs up, compares
# what `gpg | tar` takes out of the backup with the live data, and deletes and restores the demo's SQLite
# data. It may be run again.
#   --binary PATH   a miraclemax that runs on Debian 13, instead of compiling one into the image
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=compose/podman-env.sh
. "$here/podman-env.sh"
# shellcheck source=compose/proof.sh
. "$here/proof.sh"
export PODMAN_IGNORE_CGROUPSV1_WARNING=1
own_images=(localhost/miraclemax:latest localhost/miraclemax-runtime:latest localhost/miraclemax-demo:latest)
key_name='miraclemax backup'

say() { printf '\n== %s\n' "$*"; }
fail() { echo "quickstart: $*" >&2; exit 1; }

usage() { sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "$0"; }

compose() { # compose FILE ARGUMENT…
    local file=$1 project=miraclemax
    shift
    [ "$file" = miraclemax.yml ] || project=miraclemax-demo
    (cd "$here" && podman-compose -p "$project" -f "$file" "$@")
}

install_needed() {
    local package missing=()
    if command -v apt-get >/dev/null; then
        for package in podman podman-compose conmon runc netavark aardvark-dns iptables gnupg curl python3 tar \
            diffutils debootstrap debian-archive-keyring ca-certificates; do
            [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
        done
        [ ${#missing[@]} -gt 0 ] || return 0
        echo "installing ${missing[*]}"
        export DEBIAN_FRONTEND=noninteractive
        apt-get update -qq
        apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
    elif command -v dnf >/dev/null; then
        dnf install -y -q podman podman-compose gnupg2 curl python3 tar diffutils
    else
        fail "neither apt-get nor dnf is here; install podman, podman-compose, gnupg, curl and python3, then run it again"
    fi
}

# The pair is made in a folder of its own and kept as two files, which are easy to carry away.
make_keys() {
    local home fingerprint
    if compgen -G "$here/keys/*.asc" >/dev/null; then
        echo "keys: compose/keys has $(find "$here/keys" -name '*.asc' | wc -l) public key file(s) already"
        return 0
    fi
    mkdir -p "$here/keys" "$here/keys-private"
    chmod 0700 "$here/keys-private"
    home=$(mktemp -d)
    gpg --homedir "$home" --batch --quiet --passphrase '' --quick-generate-key "$key_name" ed25519 cert never 2>/dev/null
    fingerprint=$(gpg --homedir "$home" --batch --with-colons --list-keys 2>/dev/null | awk -F: '$1 == "fpr" { print $10; exit }')
    gpg --homedir "$home" --batch --quiet --passphrase '' --quick-add-key "$fingerprint" cv25519 encr never
    gpg --homedir "$home" --batch --armor --export "$fingerprint" >"$here/keys/miraclemax-backup.asc"
    (umask 077 && gpg --homedir "$home" --batch --pinentry-mode loopback --passphrase '' --armor \
        --export-secret-keys "$fingerprint" >"$here/keys-private/miraclemax-backup.private.asc")
    touch "$here/keys/.made-by-quickstart"
    gpgconf --homedir "$home" --kill all
    rm -rf "$home"
    echo "keys: made $fingerprint"
}

prepare_demo_data() {
    local data=$here/demo-data
    mkdir -p "$here/backups" "$data/www/docs/empty folder"
    chmod 0700 "$here/backups" "$data"
    if [ ! -s "$data/postgres_password" ]; then
        (umask 077 && head -c 18 /dev/urandom | base64 >"$data/postgres_password")
    fi
    if [ ! -e "$data/www/index.html" ]; then
        echo '<h1>It works, and it is backed up</h1>' >"$data/www/index.html"
        head -c 300000 /dev/urandom >"$data/www/docs/picture.bin"
        ln -s ../index.html "$data/www/docs/home"
    fi
}

await() { # await WHAT SECONDS COMMAND…
    local what=$1 seconds=$2 try
    shift 2
    for ((try = 0; try < seconds * 2; try++)); do
        "$@" >/dev/null 2>&1 && return 0
        sleep 0.5
    done
    podman ps --all --filter name=miraclemax >&2 || :
    fail "$what didn't come up within $seconds s"
}

start_services() {
    local file name
    for name in miraclemax miraclemax-demo-postgres miraclemax-demo-web miraclemax-demo-writer; do
        drop_outdated "$name"
    done
    for file in miraclemax.yml demo.yml; do
        compose "$file" up -d >"$env_folder/compose.log" 2>&1 ||
            { tail -n 20 "$env_folder/compose.log" >&2; fail "podman-compose couldn't bring $file up"; }
    done
    # `up` succeeds even when a container didn't start.
    await "the sidecar" 30 is_running miraclemax
    await "the web server" 30 podman exec miraclemax-demo-web busybox wget -q -O /dev/null http://127.0.0.1:8080/
    await "the SQLite writer" 30 sqlite_has_rows
    await "PostgreSQL" 90 postgres_count miraclemax-demo-postgres
}

# podman-compose keeps a container though its image was built anew.
drop_outdated() {
    local used tag
    used=$(podman inspect --type container --format '{{.Image}} {{.ImageName}}' "$1" 2>/dev/null) || return 0
    tag=${used#* }
    [ "${used%% *}" = "$(podman image inspect --format '{{.Id}}' "$tag" 2>/dev/null)" ] ||
        podman rm --force --time 10 "$1" >/dev/null
}

is_running() { [ "$(podman inspect --format '{{.State.Status}}' "$1")" = running ]; }
sqlite_has_rows() { [ "$(podman exec miraclemax-demo-writer sqlite3 /srv/app/app.db 'SELECT count(*) FROM readings')" -gt 20 ]; }

down() {
    say "removing what quickstart made"
    [ ! -s "$env_folder/containers.conf" ] || export CONTAINERS_CONF=$env_folder/containers.conf
    podman rm --force --time 5 miraclemax-demo-restored >/dev/null 2>&1 || :
    local file title
    for file in demo.yml miraclemax.yml; do compose "$file" down >/dev/null 2>&1 || :; done
    podman ps --all --quiet --filter name='^miraclemax' | xargs -r podman rm --force --time 5 >/dev/null || :
    podman ps --all --quiet --filter label=miraclemax.worker | xargs -r podman rm --force --time 5 >/dev/null || :
    podman volume rm miraclemax-demo-restored miraclemax-demo-postgres miraclemax-demo-sqlite miraclemax-state >/dev/null 2>&1 || :
    podman pod rm --force --ignore pod_miraclemax pod_miraclemax-demo >/dev/null 2>&1 || :
    podman network rm miraclemax_default miraclemax-demo_default >/dev/null 2>&1 || :
    podman image rm --force "${own_images[@]}" localhost/debian:trixie-slim >/dev/null 2>&1 || :
    # The stages that only served the building.
    for title in miraclemax miraclemax-demo; do
        podman image prune --force --filter "label=org.opencontainers.image.title=$title" >/dev/null 2>&1 || :
    done
    podman_env_end
    rm -rf "$here/demo-data" "$here/backups"
    if [ -e "$here/keys/.made-by-quickstart" ]; then rm -rf "$here/keys" "$here/keys-private"; fi
    echo "done; the packages and build/base (the debootstrap tree) stay"
}

main() {
    local binary=() started
    [ "$(id -u)" -eq 0 ] || fail "run it with sudo: it installs packages and uses root's podman"
    case "${1:-}" in
    '') ;;
    --down) down; return ;;
    --binary) binary=(--binary "$(realpath "${2:?--binary needs a path}")") ;;
    -h | --help) usage; return ;;
    *) usage >&2; exit 2 ;;
    esac
    cd "$here/.."
    say "1/6 packages and podman"
    install_needed
    podman_env_configure
    podman_env_service
    podman --version
    say "2/6 images (compiling takes some minutes the first time)"
    "$here/../containerfiles/build.sh" "${binary[@]}" >"$env_folder/build.log" 2>&1 ||
        { tail -n 30 "$env_folder/build.log" >&2; fail "the sidecar's image wasn't built"; }
    awk '/ weighs /, 0' "$env_folder/build.log"
    "$here/../containerfiles/build.sh" --demo >"$env_folder/demo.log" 2>&1 ||
        { tail -n 30 "$env_folder/demo.log" >&2; fail "the demo's image wasn't built"; }
    awk '/ weighs /' "$env_folder/demo.log"
    say "3/6 keys and services"
    make_keys
    prepare_demo_data
    export TZ=${TZ:-$(zone_of_host)}
    start_services
    say "4/6 podman exec miraclemax miraclemax backup"
    started=$(newest_backup)
    podman exec miraclemax miraclemax backup
    [ "$(newest_backup)" != "$started" ] || fail "no new backup was published"
    echo '$ miraclemax list'
    podman exec miraclemax miraclemax list
    echo '$ miraclemax show latest'
    podman exec miraclemax miraclemax show latest
    say "5/6 the backup, opened with gpg and tar alone"
    prove "$(newest_backup)"
    say "6/6 a mishap, and the restore"
    lose_and_restore "$(newest_backup)"
    last_words
}

zone_of_host() {
    local link
    link=$(readlink -f /etc/localtime || :)
    case $link in */zoneinfo/*) echo "${link#*/zoneinfo/}" ;; *) echo UTC ;; esac
}

newest_backup() { # its id, or nothing
    local target
    target=$(readlink "$here/backups/latest" 2>/dev/null) || return 0
    basename "$target"
}

last_words() {
    if [ -e "$here/keys-private" ]; then
        cat <<WORDS

Your private key is compose/keys-private/miraclemax-backup.private.asc, and it has no passphrase.
Without it no encrypted backup can ever be opened; with it, anybody can. So:
  1. copy it to a place that is not this host (a password manager, a stick in a drawer), twice;
  2. delete the folder compose/keys-private here. Backups need only compose/keys (the public key).
WORDS
    fi
    if [ -n "${CONTAINERS_CONF:-}" ]; then
        printf '\nOn this machine call podman with: export CONTAINERS_CONF=%s\n' "$CONTAINERS_CONF"
    fi
    printf '\nEverything goes on running. Again: sudo compose/quickstart.sh   Away with it: sudo compose/quickstart.sh --down\n'
}

main "$@"
