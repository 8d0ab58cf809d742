#!/usr/bin/env bash
# Sourced by quickstart.sh: opens a backup with stock tools (sha256sum, gpg, tar) and compares it with
# the live data of demo.yml; miraclemax itself takes no part in that (prove). Then it deletes the demo's
# SQLite data, and miraclemax brings it back (lose_and_restore). Uses $here and fail of quickstart.sh.
set -euo pipefail
: "${here:?}"

# Prints category/name lines of the manifest's components.
print_backup() {
    python3 - "$1/manifest.json" <<'PY'
import json, sys
manifest = json.load(open(sys.argv[1], encoding="utf-8"))
for c in manifest["components"]:
    file = (c.get("archive") or {}).get("file") or {}
    freeze = c.get("freeze") or {}
    who = ", ".join(f"{x['name']} ({x['how']}, {x['milliseconds']} ms)" for x in freeze.get("containers") or [])
    print(f"  {c['category']}/{c['name']}: {file.get('path', 'no archive')}, {file.get('size', 0)} bytes; "
          f"frozen {freeze.get('milliseconds', 0)} ms: {who or 'nothing'}")
PY
}

archive_of() { # archive_of BACKUP COMPONENT: the archive's path
    local path
    path=$(python3 - "$1/manifest.json" "$2" <<'PY'
import json, sys
for c in json.load(open(sys.argv[1], encoding="utf-8"))["components"]:
    if c["name"] == sys.argv[2] and (c.get("archive") or {}).get("file"):
        print(c["archive"]["file"]["path"])
PY
    )
    [ -n "$path" ] || fail "the backup has no archive of $2"
    echo "$1/$path"
}

open_archive() { # open_archive FILE FOLDER
    case $1 in
    *.gpg) gpg --homedir "$proof/gnupg" --batch --quiet --decrypt "$1" 2>"$proof/gpg.log" ;;
    *) cat "$1" ;;
    esac | tar --extract --gzip --numeric-owner --same-permissions --xattrs --acls --directory "$2" "${@:3}"
}

postgres_count() { # the orders' number and sum, as one word
    podman exec --user postgres "$1" psql --no-psqlrc --tuples-only --no-align --dbname=postgres \
        --command="SELECT count(*) || '/' || sum(cents) FROM orders"
}

compare_web() {
    open_archive "$(archive_of "$backup" demo-web)" "$proof"
    diff --recursive --no-dereference "$proof/demo-web" "$here/demo-data/www" ||
        fail "the web server's archive differs from its live folder"
    echo "  web server: $(find "$proof/demo-web" | wc -l) entries, diff -r against the live folder: identical"
}

# The writer went on after the backup: each row of the copy must be in the live table, unchanged.
compare_sqlite() {
    open_archive "$(archive_of "$backup" demo-sqlite)" "$proof"
    local rows last hash live query='SELECT id, at, hex(noise) FROM readings WHERE id <= '
    # sqlite in Python, since the host needs no sqlite3 for anything else.
    read -r rows last hash < <(python3 - "$proof/demo-sqlite/app.db" <<'PY'
import hashlib, sqlite3, sys
db = sqlite3.connect(sys.argv[1])
check = db.execute("PRAGMA integrity_check").fetchone()[0]
assert check == "ok", check
digest = hashlib.sha256()
rows = last = 0
for id_, at, noise in db.execute("SELECT id, at, hex(noise) FROM readings ORDER BY id"):
    digest.update(f"{id_}|{at}|{noise}\n".encode())
    rows, last = rows + 1, id_
print(rows, last, digest.hexdigest())
PY
    )
    [ "${rows:-0}" -gt 0 ] || fail "the SQLite archive holds no rows, or doesn't pass its integrity check"
    live=$(podman exec miraclemax-demo-writer sqlite3 /srv/app/app.db "$query$last ORDER BY id" | sha256sum | cut -d' ' -f1)
    [ "$live" = "$hash" ] || fail "the SQLite archive's rows differ from the live table's"
    echo "  SQLite: PRAGMA integrity_check ok, $rows rows, each as in the live table (which has $(
        podman exec miraclemax-demo-writer sqlite3 /srv/app/app.db 'SELECT count(*) FROM readings') by now)"
}

# Into a new volume, and a second server started on it: the archive is all that it has.
compare_postgres() {
    local name=miraclemax-demo-restored live restored folder try
    podman rm --force --time 2 $name >/dev/null 2>&1 || :
    podman volume rm $name >/dev/null 2>&1 || :
    podman volume create $name >/dev/null
    # podman 4.3 sets the root's owner at a volume's first mount: mount it once before filling it.
    podman run --rm --network none --volume $name:/restore:nocopy localhost/miraclemax-demo:latest true
    folder=$(podman volume inspect --format '{{.Mountpoint}}' $name)
    open_archive "$(archive_of "$backup" demo-postgres)" "$folder" --strip-components=1
    podman run --detach --name $name --network none --volume $name:/var/lib/postgresql/data \
        localhost/miraclemax-demo:latest postgres >/dev/null
    for ((try = 0; try < 120; try++)); do
        restored=$(postgres_count $name 2>/dev/null) && break
        sleep 0.5
    done
    live=$(postgres_count miraclemax-demo-postgres)
    podman logs $name >"$proof/postgres.log" 2>&1 || :
    podman rm --force --time 10 $name >/dev/null
    podman volume rm $name >/dev/null
    if [ -z "${restored:-}" ] || [ "$restored" != "$live" ]; then
        tail -n 20 "$proof/postgres.log" >&2
        fail "PostgreSQL on the restored volume says '${restored:-}', the live one '$live'"
    fi
    echo "  PostgreSQL: a second server on a new volume filled by gpg | tar answers as the live one: orders/cents $restored"
}

prove() { # prove ID
    local backup=$here/backups/$1 secret=$here/keys-private/miraclemax-backup.private.asc
    proof=$(mktemp -d)
    # shellcheck disable=SC2064  # the folder of now
    trap "gpgconf --homedir '$proof/gnupg' --kill all 2>/dev/null; rm -rf '$proof'" EXIT
    mkdir -m 0700 "$proof/gnupg"
    echo "backup $1 in compose/backups, $(du -sh "$backup" | cut -f1):"
    print_backup "$backup"
    (cd "$backup" && sha256sum --check --quiet SHA256SUMS)
    echo "  sha256sum --check SHA256SUMS: ok"
    if [ ! -s "$secret" ]; then
        echo "  the private key isn't on this host (as it should be): nothing was opened"
        return 0
    fi
    gpg --homedir "$proof/gnupg" --batch --quiet --import "$secret" 2>/dev/null
    compare_web
    compare_sqlite
    compare_postgres
}

demo_rows() { podman exec miraclemax-demo-writer sqlite3 /srv/app/app.db 'SELECT count(*) FROM readings' 2>/dev/null; }
goes_on() { local now; now=$(demo_rows) && [ "${now:-0}" -gt "$1" ]; }

# Only the demo's own volume is emptied: demo.yml made it, and quickstart.sh --down removes it.
lose_and_restore() { # lose_and_restore ID
    local secret=$here/keys-private/miraclemax-backup.private.asc before id rows try
    if [ ! -s "$secret" ]; then
        echo "  the private key isn't on this host (as it should be): nothing was restored"
        return 0
    fi
    before=$(demo_rows)
    id=$(podman inspect --format '{{.Id}}' miraclemax-demo-writer)
    # In a container of its own, which sees that one volume alone, as a mishap would have it.
    podman run --rm --network none --volume miraclemax-demo-sqlite:/lost localhost/miraclemax-demo:latest \
        find /lost -mindepth 1 -delete
    echo "  lost: $before rows; all that was in the volume miraclemax-demo-sqlite is deleted"
    echo '$ miraclemax restore --latest --component demo-sqlite --force --key - < the private key'
    podman exec -i miraclemax miraclemax restore --latest --component demo-sqlite --force --key - <"$secret"
    [ "$(podman inspect --format '{{.Id}} {{.State.Status}}' miraclemax-demo-writer)" = "$id running" ] ||
        fail "the writer isn't running again"
    [ "$(podman exec miraclemax-demo-writer sqlite3 /srv/app/app.db 'PRAGMA integrity_check')" = ok ] ||
        fail "the restored SQLite database doesn't pass its integrity check"
    rows=$(demo_rows)
    [ "${rows:-0}" -gt 0 ] || fail "no rows came back"
    for ((try = 0; try < 60; try++)); do
        goes_on "$rows" && break
        sleep 0.5
    done
    goes_on "$rows" || fail "the writer writes nothing"
    echo "  restored from $1: $rows rows, PRAGMA integrity_check ok; the same writer runs, and writes ($(demo_rows) rows by now)"
}
