# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# A Debian of any suite in a directory: made by mmdebstrap (with tools/lib.sh), entered by chroot.

# A guest has no use for these.
unpacked_options=(
        --dpkgopt=force-unsafe-io
        --dpkgopt='path-exclude=/usr/share/doc/*'
        --dpkgopt='path-exclude=/usr/share/man/*'
        --dpkgopt='path-exclude=/usr/share/locale/*'
        --dpkgopt='path-exclude=/usr/share/i18n/*'
)

# known_sources: what apt on this machine takes main from, as "URI RELEASE".
known_sources() {
        # shellcheck disable=SC2016 # apt expands these
        apt-get indextargets --format '$(IDENTIFIER) $(ORIGIN) $(COMPONENT) $(REPO_URI) $(RELEASE)' |
                awk '$1 == "Packages" && $2 == "Debian" && $3 == "main" && !seen[$4 $5]++ { print $4, $5 }'
}

# sources SUITE: sources.list for that suite, by the mirrors that this machine knows. A release has
# its updates and security fixes beside it, as here; testing and what is younger have not, and of
# Debian 11's, which are at their end, not every package is there that they list.
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

# by_archive SUITE COMMAND...: run what installs packages of that suite. Where it fails the script ends
# with $IS_NOT_OURS: a mirror does not answer, packages don't fit together on that day. Only a name that
# the archive does not know is a fault of ours.
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
        echo "Debian $suite can't be had from its archive today" >&2
        exit "$IS_NOT_OURS"
}

# make_debian SUITE DIRECTORY PACKAGES [MMDEBSTRAP-OPTION...]: PACKAGES is a list with commas. Further
# sources are taken from the array more_sources.
more_sources=()
make_debian() {
        local suite=$1 root=$2 packages=$3 option list options=()
        shift 3

        list=$(sources "$suite")
        while read -r option; do
                [ -z "$option" ] || options+=("--aptopt=$option")
        done < <(proxy_options)
        # a mirror that is some weeks old is good enough for a machine that lives for five minutes
        options+=(--aptopt='Acquire::Check-Valid-Until "false"')
        by_archive "$suite" mmdebstrap --variant=apt --format=directory --skip=cleanup/apt "${unpacked_options[@]}" \
                "${options[@]}" "$@" --include="$packages" "$suite" "$root" - \
                < <(printf '%s\n' "$list" "${more_sources[@]}")
}

# enter ROOT DIRECTORY... -- COMMAND...: run it in that Debian, which has those directories at their own
# places, in an environment of its own. What is mounted for it ends with it.
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
