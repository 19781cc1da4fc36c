# SPDX-License-Identifier: LGPL-2.1-or-later
"""Users of drives that are hard to find, all alive in the unit stage of one shutdown; and entries that
another user has forged.

IDLE1  has a file system that is mounted only in a scope's own mount namespace (like those of runc);
IDLE2  has one on a loop device, on a device node that the scope made itself and removed again;
IDLE3  is read by the kernel, which claims nothing (tests/vm/vnvme/opener.c);
RAW    is open in a process that systemd spares until the end ('@').

The two scopes write numbered lines, each with an fsync(), and report each written line on the console,
until systemd-shutdown ends them.
"""

import base64
import json
import re

import vnvme

SCOPES = {"fs": "IDLE1", "loop": "IDLE2"}
USED = frozenset({"IDLE1", "IDLE2", "IDLE3", "RAW"})
# systemd-shutdown ends the users of these.
FREE_IN_HOOK = frozenset(SCOPES.values())

FORGER = "www-data"
FORGED_USEC = 999000000
MESSAGE_IDS = {"controller": "eede60e3409f46efbfb6c67e51ecdff8",
               "summary": "c993d370f622412787ac0f7f0835af53"}

# Propagation "slave": unmounts outside must happen inside, too, or other drives stay in use.
USE = r"""
cat >/run/holder <<'EOF'
say() {
        echo "<30>vm-test: holder $name $*" >/dev/kmsg
}
name=$1 node=$2 dir=/run/holder-$1
mkdir -p "$dir"
if [ "$name" = loop ]; then
        # /run is mounted without device nodes
        mount -t tmpfs none "$dir"
        mknod "$dir/xvdb" b $(stat -c '0x%t 0x%T' "$node")
        node=$(losetup --find --show "$dir/xvdb")
        rm "$dir/xvdb"
fi
mke2fs -q -F -t ext4 "$node"
mkdir "$dir/fs"
mount "$node" "$dir/fs"
for ((n = 1; ; n++)); do
        echo "$n" >>"$dir/fs/lines" && sync "$dir/fs/lines" || { say "failed at $n"; exit 1; }
        say "wrote $n"
        : >"/run/holder-$name.works"
        sleep 0.05
done
EOF
use() {
        systemd-run --quiet --scope --unit="holder-$1" -p DefaultDependencies=no \
                unshare --mount --propagation slave bash /run/holder "$1" "$2" &
}
modprobe loop
use fs IDLE1
use loop IDLE2
# KillMode=none: PID 1 warns that it is deprecated, but obeys
systemd-run --quiet --unit=raw-holder -p DefaultDependencies=no -p KillMode=none -p SendSIGKILL=no \
        bash -c 'exec 7<>RAW; exec -a @raw-holder sleep infinity'
base64 -d >/run/opener.ko <<'EOF'
OPENER
EOF
insmod /run/opener.ko device=IDLE3
deadline=$((SECONDS + 60))
until [ -e /run/holder-fs.works ] && [ -e /run/holder-loop.works ] && pgrep -f @raw-holder; do
        [ "$SECONDS" -lt "$deadline" ] || exit 1
        sleep 0.1
done
"""

FORGE = r"""
mkdir -p /run/forged
forge() {
        printf '%s\n' "MESSAGE=forged" NVME_STAGE=unit NVME_ACTION=reboot NVME_STAGE_USEC=1 \
                NVME_SHUTDOWN_BOOT_ID=$(tr -d - </proc/sys/kernel/random/boot_id) "$@" \
                >/run/forged/$(ls /run/forged | wc -l)
}
controller() {
        forge MESSAGE_ID=CONTROLLER NVME_OUTCOME=detached NVME_VERIFIED=yes NVME_FLUSHED=no \
                NVME_SHUTDOWN_USEC=1 NVME_MODEL=forged NVME_SERIAL=$1 NVME_CONTROLLER=$2 \
                NVME_PCI_ADDRESS=$3
}
controller ROOT NAME ADDRESS
controller FORGED nvme99 00ff:01:00.0
forge MESSAGE_ID=SUMMARY NVME_DETACHED=99 NVME_LEFT=0 NVME_LATE=0 NVME_FAILED=0 NVME_VANISHED=0 \
        NVME_UNVERIFIED=0 ELAPSED_USEC=1 SERIAL_USEC=USEC SAVED_USEC=USEC
cat >/run/systemd/system/forger.service <<'EOF'
[Service]
Type=oneshot
User=FORGER
ExecStart=sh -c 'for entry in /run/forged/*; do logger --journald=$entry; done'
EOF
systemctl daemon-reload
systemctl start forger.service
journalctl --sync
"""

# A mount of its own, so that all data come from the drive.
LOOK_BACK = r"""
mkdir -p /run/look-back
for pair in fs:IDLE1 loop:IDLE2; do
        node=${pair#*:}
        mount "$node" /run/look-back
        n=$(tail -n 1 /run/look-back/lines)
        seq "$n" | cmp - /run/look-back/lines && state=whole || state=damaged
        umount /run/look-back
        e2fsck -fn "$node" >/run/e2fsck 2>&1 || state=damaged
        wipefs -qa "$node"
        echo "lines ${pair%%:*} $n $state"
done
journalctl -b -1 -q -o json MESSAGE=forged | sed 's/^/forged /'
echo "report $(nvme-async-shutdown report --json 2>/dev/null | tr '\n' ' ')"
"""


def _fill_in(script, words):
    return re.sub(rf"\b({'|'.join(words)})\b", lambda match: words[match[1]], script)


def _nodes(controllers):
    return {serial: f"/dev/{controllers[serial].name}n1" for serial in USED}


def set_up(machine, images, controllers):
    """Starts all users on the running machine, and forges entries."""
    opener = (vnvme.build_modules(images) / "opener.ko").read_bytes()
    machine.check(_fill_in(USE, {**_nodes(controllers),
                                 "OPENER": base64.encodebytes(opener).decode().strip()}))
    root = controllers["ROOT"]
    machine.check(_fill_in(FORGE, {
        "CONTROLLER": MESSAGE_IDS["controller"], "SUMMARY": MESSAGE_IDS["summary"],
        "NAME": root.name, "ADDRESS": root.address, "USEC": str(FORGED_USEC), "FORGER": FORGER}))


def look_back(machine, shutdown, controllers):
    """@controllers: those of the next boot."""
    shutdown.lines_after, shutdown.forged = {}, []
    for line in machine.check(_fill_in(LOOK_BACK, _nodes(controllers))).splitlines():
        word, _, rest = line.partition(" ")
        if word == "lines":
            name, n, state = rest.split()
            shutdown.lines_after[name] = (int(n), state)
        elif word == "forged":
            shutdown.forged.append(json.loads(rest))
        elif word == "report":
            shutdown.report = json.loads(rest)
