#!/usr/bin/env bash
# All tests, on a clean Debian 12 or 13, as root:  sudo tests/run.sh [--quick | --long]
#   --quick   no scenarios
#   --long    the scenarios' long form too, against every podman and view of cgroups there is (tests/scenario/matrix.sh),
#             and all unit tests once more under AddressSanitizer and UBSan
# Installs what is missing, builds in build/, starts podman only in beds of its own (tests/scenario/bed.sh)
# and ends with one line: "N passed, N failed, N skipped".
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
mode=${1:-}
case $mode in '' | --quick | --long) ;; *) sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "$0" >&2; exit 2 ;; esac
[ "$(id -u)" -eq 0 ] || { echo "tests/run.sh needs root: podman beds are namespaces" >&2; exit 2; }

passed=0 failed=0 skipped=0
work=$(mktemp -d /var/tmp/mmtest.XXXXXX)
bed=$work/bed
clean_up() {
    [ ! -e "$bed/pid" ] || tests/scenario/bed.sh down "$bed"
    rm -rf "$work"
}
trap clean_up EXIT

finish() {
    echo
    echo "$passed passed, $failed failed, $skipped skipped"
    [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
    exit
}
step() { printf '\n== %s (%ss)\n' "$1" "$SECONDS"; }
# Something without which nothing else can be told.
must() { "$@" || { failed=$((failed + 1)); echo "FAILED: $*"; finish; }; }
# One check that counts as one test.
check() {
    local name=$1
    shift
    if "$@"; then passed=$((passed + 1)); else failed=$((failed + 1)); echo "FAILED: $name"; fi
}

counted() { # counted FILE: adds a gtest/ctest JUnit file to the sums
    local line
    line=$(/usr/bin/python3 - "$1" <<'PY'
import sys, xml.etree.ElementTree as tree
suite = tree.parse(sys.argv[1]).getroot()
total = bad = out = 0
for case in suite.iter("testcase"):
    total += 1
    status = case.get("status", "run")
    if case.find("failure") is not None or status == "fail":
        bad += 1
        print("FAILED:", case.get("name"), file=sys.stderr)
    elif case.find("skipped") is not None or status in ("notrun", "disabled"):
        out += 1
        why = case.find("skipped")
        print("skipped:", case.get("name"), (why.get("message") or "") if why is not None else "", file=sys.stderr)
print(total - bad - out, bad, out)
PY
    ) || line="0 1 0"
    read -r ok bad out <<<"$line"
    passed=$((passed + ok)) failed=$((failed + bad)) skipped=$((skipped + out))
}

run_ctest() { # run_ctest PRESET [CTEST OPTION…]
    local preset=$1 results=$work/ctest-$1.xml
    shift
    ctest --preset "$preset" --output-on-failure --output-junit "$results" -j "$(nproc)" "$@" >"$work/ctest-$preset.log" 2>&1
    local code=$?
    [ $code -eq 0 ] || grep -vE 'Passed|Start +[0-9]+:' "$work/ctest-$preset.log" | tail -n 150
    if [ -s "$results" ]; then counted "$results"; else failed=$((failed + 1)); fi
}

step "packages"
# shellcheck source=tests/packages.sh
. tests/packages.sh
set +e
must install_build_packages
must install_test_packages

step "structure and scripts"
check "includes" /usr/bin/python3 tests/includes_test.py
mapfile -t scripts < <(git ls-files '*.sh' '.ci/run' 2>/dev/null || find . -name '*.sh' -not -path './build/*')
check "shellcheck" shellcheck --severity=warning --external-sources "${scripts[@]}"

build() { # build PRESET
    local log=$work/build-$1.log
    cmake --preset "$1" >"$log" 2>&1 || { tail -n 40 "$log"; return 1; }
    cmake --build --preset "$1" >>"$log" 2>&1 || { grep -E 'error|FAILED|undefined' "$log" | head -n 60; return 1; }
}

step "build"
must build ci
program=build/ci/src/miraclemax

check "documentation" /usr/bin/python3 tests/readme_test.py "$program"
check "package" tests/package_test.sh build/ci
check "monitoring" /usr/bin/python3 tests/monitoring_test.py "$program"

step "unit and contract tests"
must tests/scenario/bed.sh up "$bed"
must tests/scenario/images.sh load "$bed" "$program"
export MIRACLEMAX_TEST_SOCKET=$bed/api/podman.sock
run_ctest ci
unset MIRACLEMAX_TEST_SOCKET
must tests/scenario/bed.sh down "$bed"

if [ "$mode" != --quick ]; then
    step "scenarios on real podman"
    if [ "$mode" = --long ]; then
        before=$failed
        # Against every podman and view of cgroups that there is here.
        MIRACLEMAX_TEST_LONG=1 tests/scenario/matrix.sh "$program" "$work/matrix" || bad_matrix=1
        for results in "$work"/matrix/scenario-*.xml; do [ ! -s "$results" ] || counted "$results"; done
        [ -z "${bad_matrix:-}" ] || [ "$failed" -gt "$before" ] || failed=$((failed + 1))
    else
        /usr/bin/python3 tests/scenario/run.py --jobs 2 "$program" "$work/scenario.xml"
        if [ -s "$work/scenario.xml" ]; then counted "$work/scenario.xml"; else failed=$((failed + 1)); fi
    fi
fi

if [ "$mode" = --long ]; then
    step "unit tests under AddressSanitizer and UBSan"
    must build asan
    export LSAN_OPTIONS=suppressions=$PWD/tests/leaks.supp
    run_ctest asan
fi
finish
