#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Runs in the machine: in each round it writes, releases, rehearses and compares.
#
# Usage: soak.sh prepare
#        soak.sh rounds SEED FIRST LAST
#        soak.sh processes
#
# All data go to a copy in memory first, and from there to the drive: after every rehearsal the drives must
# equal the copies in every byte, those of earlier rounds included.
# Each round prints lines that test_soak.py reads; a round that lost data is the last one.
set -euo pipefail
shopt -s nullglob

work=/run/soak
bytes=$work/bytes
bytes_size=$((8 << 20))
raw_serials=(VNVME000 VNVME001)
ext4_serials=(VNVME002 VNVME003)
n_names=12
# for O_DIRECT: dd would write a shorter rest without it
direct_size=$((16 << 10))

declare -A node written

# Names may change whenever a controller is bound, serial numbers do not.
find_nodes() {
        local dir serial namespace

        node=()
        for dir in /sys/class/nvme/*; do
                read -r serial <"$dir/serial"
                for namespace in "$dir"/nvme*n*; do
                        node[$serial]=/dev/${namespace##*/}
                done
        done
}

# Sets $n to a number below $1. In a subshell RANDOM would not advance.
pick() {
        n=$(((RANDOM << 15 | RANDOM) % $1))
}

# Writes up to MAX bytes, all below END, to TARGET and to its COPY.
write_some() {
        local target=$1 copy=$2 max=$3 end=$4 kind size at from options=()

        pick 3
        case $n in
        0) kind=cached ;;
        1) kind=fsync options=(conv=fsync) ;;
        2) kind=direct options=(oflag=direct "bs=$direct_size") ;;
        esac
        pick "$max"
        size=$((n + 1))
        [ "$kind" != direct ] || size=$(((size + direct_size - 1) / direct_size * direct_size))
        pick $((end - size + 1))
        at=$n
        [ "$kind" != direct ] || at=$((at / 4096 * 4096))
        pick $((bytes_size - size + 1))
        from=$n

        dd "if=$bytes" "of=$copy" bs=64K conv=notrunc iflag=skip_bytes,count_bytes \
                oflag=seek_bytes "skip=$from" "count=$size" "seek=$at" status=none
        dd "if=$copy" "of=$target" bs=64K conv=notrunc iflag=skip_bytes,count_bytes \
                oflag=seek_bytes "skip=$at" "count=$size" "seek=$at" status=none \
                ${options[@]+"${options[@]}"}
        written[$kind]=$((written[$kind] + size))
}

change_raw() {
        local i count

        pick 3
        count=$((n + 1))
        for ((i = 0; i < count; i++)); do
                write_some "${node[$1]}" "$work/$1.raw" $((192 << 10)) "$raw_size"
        done
}

# Runs the command in the file system and in its copy.
on_both() {
        (cd "$work/$1.mounted" && "${@:2}")
        (cd "$work/$1.copy" && "${@:2}")
}

change_files() {
        local i name other count

        pick 3
        count=$((n + 1))
        for ((i = 0; i < count; i++)); do
                pick $n_names
                name=$n
                pick $n_names
                other=$n
                pick 8
                if [ "$n" -eq 0 ]; then
                        on_both "$1" rm -f "$name"
                elif [ "$n" -eq 1 ] && [ "$name" != "$other" ] && [ -e "$work/$1.copy/$name" ]; then
                        on_both "$1" mv -f "$name" "$other"
                elif [ "$n" -eq 2 ]; then
                        pick $((256 << 10))
                        on_both "$1" truncate -s "$n" "$name"
                else
                        write_some "$work/$1.mounted/$name" "$work/$1.copy/$name" \
                                $((192 << 10)) $((384 << 10))
                fi
        done
}

# Prints how many bytes of FILE differ from COPY; $3 if one of them is missing.
count_lost() {
        if [ ! -e "$1" ] || [ ! -e "$2" ]; then
                echo "$3"
        elif cmp -s "$1" "$2"; then
                echo 0
        else
                # cmp ends where the shorter file ends
                { cmp -l "$1" "$2" 2>&1 || true; } | wc -l
        fi
}

lose() {
        [ "$2" -eq 0 ] || { echo "lost $2 $1"; is_good=false; }
}

compare_raw() {
        lose "$1" "$(count_lost "${node[$1]}" "$work/$1.raw" "$raw_size")"
}

compare_files() {
        local name state said path mode=rw

        state=$(dumpe2fs -h "${node[$1]}" 2>&1) || true
        if ! said=$(e2fsck -fn "${node[$1]}" 2>&1) || [[ $state == *needs_recovery* ]] ||
                [[ ! $state =~ 'Filesystem state:'\ +clean ]]; then
                echo "unclean $1: ${said//$'\n'/; }"
                # without replaying the journal
                mode=ro,noload
                is_good=false
        fi
        mount -o "$mode" "${node[$1]}" "$work/$1.mounted"
        diff -rq -x lost+found "$work/$1.copy" "$work/$1.mounted" >/dev/null 2>&1 && return
        for path in "$work/$1.copy"/* "$work/$1.mounted"/*; do
                name=${path##*/}
                [ "$name" != lost+found ] || continue
                lose "$1/$name" "$(count_lost "$work/$1.mounted/$name" \
                        "$work/$1.copy/$name" "$(stat -c %s "$path")")"
        done
        is_good=false
}

# Shows processes whose names or open files belong to a rehearsal, and all zombies except udevd's workers:
# udevd ends these when it is idle, and reaps them a moment later.
show_left_behind() {
        # shellcheck disable=SC2009 # pgrep shows no zombies
        ps -eo stat=,comm=,args= | grep -vE '^Z +\(udev-worker' |
                grep -E '^Z|^[^ ]+ +nvme[0-9]+ |[n]vme-async-shutdown' |
                sed 's/^/left process /' || true
        find /proc/[0-9]*/fd -lname '/dev/nvme*' -printf 'left descriptor %p %l\n' 2>/dev/null || true
}

# Shows where processes hang for which a rehearsal has stopped waiting, and the kernel log.
show_hanging() {
        local dir comm stack kernel

        for dir in /proc/[0-9]*; do
                comm=$(cat "$dir/comm" 2>/dev/null) || continue
                [[ $comm =~ ^(nvme[0-9]+|vnvme|kdevtmpfs)$ ]] || continue
                mapfile -t stack < <(cat "$dir/stack" 2>/dev/null)
                echo "said $comm hangs in ${stack[*]}"
        done
        mapfile -t kernel < <(dmesg | tail -n 20)
        printf 'said %s\n' "${kernel[@]}"
}

# Prints each line of the controllers' report, after the word $1.
show_report() {
        local lines

        mapfile -t lines </proc/vnvme
        printf "$1 %s\n" "${lines[@]}"
}

one_round() {
        local serial said err status=0

        written=([cached]=0 [fsync]=0 [direct]=0)
        find_nodes
        for serial in "${raw_serials[@]}"; do
                change_raw "$serial"
        done
        for serial in "${ext4_serials[@]}"; do
                change_files "$serial"
                umount "$work/$serial.mounted"
        done
        echo "wrote cached=${written[cached]} fsync=${written[fsync]} direct=${written[direct]}"
        # udevd reads devices that were written to
        udevadm settle
        echo clear >/proc/vnvme
        show_report before

        nvme-async-shutdown rehearse --yes --json >"$work/said" 2>"$work/err" || status=$?
        show_report after
        said=$(<"$work/said")
        err=$(<"$work/err")
        echo "status $status"
        echo "json ${said//$'\n'/ }"
        echo "said ${err//$'\n'/; }"
        [ "$status" -eq 0 ] || show_hanging
        show_left_behind

        find_nodes
        for serial in "${raw_serials[@]}"; do
                compare_raw "$serial"
        done
        for serial in "${ext4_serials[@]}"; do
                compare_files "$serial"
        done
        [ "$status" -eq 0 ] || is_good=false
}

rounds() {
        local seed=$1 first=$2 last=$3 i

        raw_size=$(stat -c %s "$work/${raw_serials[0]}.raw")
        is_good=true
        dmesg -C
        for ((i = first; i <= last; i++)); do
                echo "round $i"
                # so that each round's numbers depend on nothing else
                RANDOM=$(((seed * 1000 + i) % 32768))
                one_round
                "$is_good" || break
        done
        dmesg | grep -E 'BUG|WARNING|Oops|I/O error|EXT4-fs (error|warning)|timeout|blocked for' |
                sed 's/^/kernel /' || true
}

# Prints the name and the number of open files of each process.
show_processes() {
        local dir fds comm deadline=$((SECONDS + 30))

        udevadm settle
        # udevd ends its workers, and closes their descriptors, when it was idle for a while
        while pgrep -x '\(udev-worker\)' >/dev/null && [ $SECONDS -lt $deadline ]; do
                sleep 0.2
        done
        for dir in /proc/[0-9]*; do
                # skip this process and those of the kernel; a process may end meanwhile
                [[ $dir != "/proc/$$" && $dir != "/proc/$PPID" ]] || continue
                [ -n "$(tr -d '\0' 2>/dev/null <"$dir/cmdline")" ] || continue
                fds=("$dir"/fd/*)
                comm=$(cat "$dir/comm" 2>/dev/null) || continue
                echo "${dir##*/} $comm ${#fds[@]}"
        done
}

prepare() {
        local serial

        mkdir -p $work
        mount -t tmpfs -o size=384m soak $work
        dd if=/dev/urandom of=$bytes bs=1M count=$((bytes_size >> 20)) status=none
        find_nodes
        for serial in "${raw_serials[@]}"; do
                truncate -s "$(blockdev --getsize64 "${node[$serial]}")" "$work/$serial.raw"
        done
        for serial in "${ext4_serials[@]}"; do
                mkfs.ext4 -q "${node[$serial]}"
                mkdir "$work/$serial.copy" "$work/$serial.mounted"
                mount "${node[$serial]}" "$work/$serial.mounted"
        done
        udevadm settle
}

case $1 in
prepare) prepare ;;
rounds) rounds "$2" "$3" "$4" ;;
processes) show_processes ;;
esac
