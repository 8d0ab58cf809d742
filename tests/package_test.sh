#!/usr/bin/env bash
# tests/package_test.sh BUILD   builds deb and rpm from a build folder that is built, and looks into them
# Prints "package: ok", or what is wrong. Nothing is installed: it is unpacked into a temporary folder.
set -euo pipefail
[ $# -eq 1 ] || { sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "$0" >&2; exit 2; }
build=$(realpath "$1")
for tool in cpack dpkg-deb dpkg-shlibdeps; do
    command -v "$tool" >/dev/null || { echo "package: skipped, $tool is missing"; exit 0; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
wrong=0
fail() { echo "package: $*"; wrong=1; }

cmake --build "$build" --target documents >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
# With Ninja cpack builds nothing itself: the tests are not part of the package.
cpack --config "$build/CPackConfig.cmake" -G DEB -B "$work/made" >"$work/log" 2>&1 || { tail -n 40 "$work/log"; exit 1; }
deb=$(find "$work/made" -maxdepth 1 -name '*.deb')
[ -n "$deb" ] || { fail "cpack made no deb"; exit 1; }

[ "$(dpkg-deb -f "$deb" Package)" = miraclemax ] || fail "its name is $(dpkg-deb -f "$deb" Package)"
for needed in libgpgme11 libarchive13 libcurl gpg-agent libc6; do
    dpkg-deb -f "$deb" Depends | grep -q "$needed" || fail "it does not depend on $needed: $(dpkg-deb -f "$deb" Depends)"
done
dpkg-deb -x "$deb" "$work/root"
usr=$work/root/usr
for file in bin/miraclemax share/man/man1/miraclemax.1 share/bash-completion/completions/miraclemax \
    share/zsh/vendor-completions/_miraclemax share/fish/vendor_completions.d/miraclemax.fish \
    share/doc/miraclemax/quadlet/miraclemax.container share/doc/miraclemax/quadlet/miraclemax-state.volume \
    share/doc/miraclemax/copyright share/miraclemax/hooks/postgresql; do
    [ -e "$usr/$file" ] || fail "/usr/$file is missing"
done
for name in pai-miraclemax-backup pai-miraclemax-restore pai-miraclemax-backup-install; do
    [ "$(readlink "$usr/bin/$name")" = miraclemax ] || fail "/usr/bin/$name is no link to miraclemax"
    [ -s "$usr/share/man/man1/$name.1" ] || fail "$name has no manual page"
    [ -e "$usr/share/bash-completion/completions/$name" ] || fail "$name has no completion for bash"
done
"$usr/bin/pai-miraclemax-backup-install" --help | grep -q -- --uninstall || fail "the installed program does not run"
outside=$(cd "$work/root" && find . -mindepth 1 -not -path './usr*')
[ -z "$outside" ] || fail "it puts something outside /usr: $outside"
loose=$(find "$work/root" -perm /022 -not -type l)
[ -z "$loose" ] || fail "others may write to $loose"

if command -v rpmbuild >/dev/null; then
    cpack --config "$build/CPackConfig.cmake" -G RPM -B "$work/made" >"$work/log" 2>&1 || { tail -n 40 "$work/log"; exit 1; }
    rpm=$(find "$work/made" -maxdepth 1 -name '*.rpm')
    [ -n "$rpm" ] || { fail "cpack made no rpm"; exit 1; }
    rpm -qpR "$rpm" 2>/dev/null | grep -qx gnupg2 || fail "the rpm does not require gnupg2"
    rpm -qpl "$rpm" 2>/dev/null | sort >"$work/files"
    (cd "$work/root" && find usr -not -type d -not -path 'usr/share/doc/*' -not -name '*.gz' | sed 's|^|/|' | sort) >"$work/expected"
    missing=$(comm -13 "$work/files" "$work/expected" | grep -v completion || true)
    [ -z "$missing" ] || fail "the rpm lacks $missing"
else
    echo "package: no rpm, rpmbuild is missing"
fi

[ $wrong -eq 0 ] && echo "package: ok ($(basename "$deb")${rpm:+, $(basename "$rpm")})"
exit $wrong
