# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# Makes a Debian of any suite in a directory, by mmdebstrap (with tools/lib.sh), and enters it by chroot.

# A guest does not need these.
unpacked_options=(
        --dpkgopt=force-unsafe-io
        --dpkgopt='path-exclude=/usr/share/doc/*'
        --dpkgopt='path-exclude=/usr/share/man/*'
        --dpkgopt='path-exclude=/usr/share/locale/*'
        --dpkgopt='path-exclude=/usr/share/i18n/*'
)

# known_sources: print this machine's apt sources of main, as "URI RELEASE".
known_sources() {
        # shellcheck disable=SC2016 # apt expands these
        apt-get indextargets --format '$(IDENTIFIER) $(ORIGIN) $(COMPONENT) $(REPO_URI) $(RELEASE)' |
                awk '$1 == "Packages" && $2 == "Debian" && $3 == "main" && !seen[$4 $5]++ { print $4, $5 }'
}

# sources SUITE: print a sources.list for that suite, with this machine's mirrors. A release has updates
# and security fixes, as here; testing and later suites have none. Those of Debian 11 are not used: it is
# at its end of life, and they list packages that are missing.
sources() {
        local suite=$1 here found

        # shellcheck disable=SC1091
        here=$(. /etc/os-release && echo "$VERSION_CODENAME")
        found=$(known_sources)
        if [ -z "$found" ]; then
                apt-get update >&2
                found=$(known_sources)
        fi
        case $suite in
        bullseye | forky | sid | experimental) found=$(grep " $here\$" <<<"$found" || true) ;;
        esac
        [ -n "$found" ] || { echo "apt on this machine knows no source of Debian" >&2; return 1; }
        sed "s/ $here/ $suite/; s/^/deb /; s/\$/ main/" <<<"$found"
}

proxy_options() {
        apt-config dump | grep -iE '^Acquire::(https?|ftp)::Proxy(::[^ ]+)? "[^"]' || true
}

# by_archive SUITE COMMAND...: run a command that installs packages of that suite. If it fails, the script
# ends with $IS_NOT_OURS: a mirror does not answer, or packages don't fit together today. Only a package
# name that the archive does not know is a failure of the project.
by_archive() {
        local suite=$1 log
        shift

        log=$(mktemp)
        if LC_ALL=C.UTF-8 INITRD=No "$@" 2>&1 | tee "$log" >&2; then
                rm "$log"
                return 0
        fi
        if grep -qE '^E: (Unable to locate package|Package .* has no installation candidate)' "$log"; then
                rm "$log"
                return 1
        fi
        rm "$log"
        echo "Debian $suite can't be installed from its archive today" >&2
        exit "$IS_NOT_OURS"
}

# make_debian SUITE DIRECTORY PACKAGES [MMDEBSTRAP-OPTION...]: PACKAGES is a comma-separated list. The
# array more_sources may have further sources.
more_sources=()
make_debian() {
        local suite=$1 root=$2 packages=$3 option list options=()
        shift 3

        list=$(sources "$suite")
        while read -r option; do
                [ -z "$option" ] || options+=("--aptopt=$option")
        done < <(proxy_options)
        # a mirror some weeks old is good enough for a machine that lives for five minutes
        options+=(--aptopt='Acquire::Check-Valid-Until "false"')
        by_archive "$suite" mmdebstrap --variant=apt --format=directory --skip=cleanup/apt "${unpacked_options[@]}" \
                "${options[@]}" "$@" --include="$packages" "$suite" "$root" - \
                < <(printf '%s\n' "$list" "${more_sources[@]}")
}

# enter ROOT DIRECTORY... -- COMMAND...: run the command in that Debian, with those directories at their
# own places and a clean environment. Its mounts end with it.
enter() {
        # shellcheck disable=SC2016 # the shell in there expands these
        unshare --mount --propagation private bash -c '
                set -euo pipefail
                root=$1
                shift
                # a mount of its own, so that its propagation can be changed in there (unshare(1))
                mount --bind "$root" "$root"
                for dir in dev proc sys; do mount --rbind "/$dir" "$root/$dir"; done
                while [ "$1" != -- ]; do
                        mkdir -p "$root$1"
                        mount --bind "$1" "$root$1"
                        shift
                done
                shift
                if [ -e /etc/resolv.conf ]; then
                        touch "$root/etc/resolv.conf"
                        mount --bind "$(realpath /etc/resolv.conf)" "$root/etc/resolv.conf"
                fi
                exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 HOME=/root INITRD=No \
                        DEBIAN_FRONTEND=noninteractive chroot "$root" "$@"
        ' enter "$@"
}
