#!/usr/bin/env bash
# Speed, memory and fixed cost beside what Debian offers, as root on Debian 12 or 13:
#   sudo tests/bench/run.sh [--quick | --long] [bench.py's options]
# Installs the peers, builds the release preset (or takes MIRACLEMAX_PROGRAM), and prints Markdown tables.
#   --quick   a tree of 256 MiB, one round, 1,000 and 20,000 files for memory
#   --long    1,000,000 files for memory too
# Options of bench.py: --rounds N, --only speed,restore,memory,fixed,crowd, --keep (the tree stays in TMPDIR for the next time).
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$here/../..

# shellcheck source=tests/packages.sh
. "$root/tests/packages.sh"
install_packages restic borgbackup pigz isal zstd gnupg sqlite3
install_test_packages
program=${MIRACLEMAX_PROGRAM:-}
if [ -z "$program" ]; then
    install_build_packages
    cmake -S "$root" --preset release >/dev/null
    cmake --build "$root/build/release" --target miraclemax >&2
    program=$root/build/release/src/miraclemax
fi
exec /usr/bin/python3 "$here/bench.py" --program "$program" "$@"
