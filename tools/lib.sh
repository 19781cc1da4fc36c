# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# Common functions of the tools: packages, building, steps.
set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# libssl-dev: libnvme.pc of Debian 12 requires openssl.pc, but libnvme-dev does not depend on it.
# shellcheck disable=SC2034 # the scripts that source this use the lists
build_packages=(
        gcc libc6-dev meson ninja-build pkg-config systemd libsystemd-dev libudev-dev
        libnvme-dev libssl-dev libjson-c-dev libsmartcols-dev scdoc
)
# shellcheck disable=SC2034
vm_packages=(
        qemu-system-x86 qemu-utils mmdebstrap debian-archive-keyring gpg gpgv e2fsprogs fdisk
        python3 make linux-headers-amd64
)
# shellcheck disable=SC2034
test_packages=(
        libcriterion-dev libumockdev-dev umockdev python3-pytest systemd-journal-remote
        shellcheck mandoc clang-format codespell pyflakes3 zsh fish
        clang clang-tidy libclang-rt-14-dev llvm binutils gcovr
)
# shellcheck disable=SC2034
package_packages=(
        build-essential debhelper lintian rpm rpmlint makepkg pacman-package-manager
        libarchive-tools fakeroot
)

die() {
        echo "${0##*/}: $*" >&2
        exit 1
}

need_root() {
        [ "$(id -u)" -eq 0 ] ||
                die "must run as root: it installs packages and builds a root file system"
}

installed() {
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# install_packages PACKAGE...: does not call apt if all of them are installed.
install_packages() {
        local package missing=()

        command -v dpkg-query >/dev/null || die "needs Debian 12 (there is no dpkg)"
        for package in "$@"; do
                installed "$package" || missing+=("$package")
        done
        [ "${#missing[@]}" -gt 0 ] || return 0

        echo "installing by apt (about a minute): ${missing[*]}"
        export DEBIAN_FRONTEND=noninteractive
        quietly apt apt-get update
        quietly apt apt-get -y --no-install-recommends install "${missing[@]}"
}

# quietly NAME COMMAND...: write the output to build/NAME.log; show it if the command fails.
quietly() {
        local log=$top/build/$1.log
        shift
        mkdir -p "$top/build"
        "$@" >"$log" 2>&1 </dev/null || { cat "$log"; return 1; }
}

# build DIRECTORY [MESON-OPTION...]: set up once, compile each time.
build() {
        local dir=$1
        shift
        [ -e "$dir/build.ninja" ] || quietly setup meson setup "$dir" "$top" "$@"
        quietly compile meson compile -C "$dir"
}

# The exit status of a step that could not run because an archive is broken today: no failure of the
# project (EX_TEMPFAIL; tests/vm/debian.sh and tests/vm/world.py end with it).
IS_NOT_OURS=75

# step NAME COMMAND...: run the command and print how long it took. It runs in a
# subshell of its own with `set -e` in force, which it would not be as part of an
# `if`.
failed_steps=()
broken_steps=()
step() {
        local name=$1 begin=$SECONDS status=0
        shift
        echo "== $name"
        set +e
        ( set -e; "$@" )
        status=$?
        set -e
        case $status in
        0) echo "== $name: $((SECONDS - begin)) s" ;;
        "$IS_NOT_OURS")
                echo "== $name: $((SECONDS - begin)) s, NOT DONE: a part that it needs is broken today, see above"
                broken_steps+=("$name")
                ;;
        *)
                echo "== $name: $((SECONDS - begin)) s, FAILED ($status)"
                failed_steps+=("$name")
                ;;
        esac
        return 0
}

# End the script, with 0 if every step that could run has passed.
finish() {
        echo "== in total: $SECONDS s"
        [ "${#broken_steps[@]}" -eq 0 ] || echo "not done, no failure of the project: ${broken_steps[*]}"
        [ "${#failed_steps[@]}" -eq 0 ] || die "failed: ${failed_steps[*]}"
}
