# SPDX-License-Identifier: LGPL-2.1-or-later
"""A machine with ZFS, over several shutdowns.

IDLE1, IDLE2, IDLE3, SWAP   the pool "tank": two mirrors of two drives
POOL1, POOL2                further controllers, for the pool "rpool", a mirror with a copy of the root

It boots from ROOT, as the others do, until boot_from_pool() is called.
"""

import re
import subprocess
from pathlib import Path

import evidence
import topology
from machine import Machine

TANK = frozenset({"IDLE1", "IDLE2", "IDLE3", "SWAP"})
RPOOL = frozenset({"POOL1", "POOL2"})
ALL = topology.ALL | RPOOL
UNIT = "nvme-async-shutdown.service"
EXITRD_UNIT = "nvme-async-shutdown-exitrd.service"
CONFIG = "/etc/nvme-async-shutdown.conf"
NSID = {**{c.serial: c.nsid for c in topology.CONTROLLERS}, "POOL1": 60, "POOL2": 61}
# udev's name, which outlives a boot: zpool.cache keeps it
BY_ID = "/dev/disk/by-id/nvme-QEMU_NVMe_Ctrl_{serial}_{nsid}"
# ZFS wants 64 MiB at least
TANK_MIB = 128
RPOOL_MIB = 1536
# a root of some 400 MiB is copied
COPY_SECONDS = 600

# The masked units wait for nothing that these tests need.
MAKE = f"""
rm -f /etc/systemd/system/systemd-pstore.service
swapoff -a
sed -i /vmswap/d /etc/fstab
systemctl daemon-reload
systemctl enable -q systemd-pstore.service {UNIT} {EXITRD_UNIT}
modprobe zfs
zpool create -f -o ashift=12 tank mirror IDLE1 IDLE2 mirror IDLE3 SWAP
udevadm trigger --settle --subsystem-match=block
"""

# The pool has to be there and mounted already, by ZFS's own units.
SET_UP = r"""
if [ -e /tank/data ]; then
        echo "found $(sha256sum </tank/data)"
        zpool status -x tank >/run/status
        grep -q "is healthy" /run/status || { cat /run/status; exit 1; }
fi
dd if=/dev/urandom of=/tank/data bs=64k count=32 status=none
echo "wrote $(sha256sum </tank/data)"
"""

# A process that neither systemd nor systemd-shutdown ends has a file of the pool open.
HOLD = r"""
systemd-run --quiet --unit=tank-holder -p DefaultDependencies=no -p KillMode=none -p SendSIGKILL=no \
        bash -c 'exec 7>>/tank/held; exec -a @tank-holder sleep infinity'
for i in $(seq 300); do [ ! -e /tank/held ] || break; sleep 0.1; done
"""

# As OpenZFS's guide for Debian does it, with one dataset.
COPY_ROOT = r"""
zpool create -f -o ashift=12 -o cachefile=none -R /mnt -O compression=lz4 -O acltype=posix -O xattr=sa \
        -O mountpoint=none rpool mirror POOL1 POOL2
zfs create -o mountpoint=/ -o canmount=noauto rpool/root
zfs mount rpool/root
tar -C / --one-file-system --exclude=./mnt --exclude=./boot -cf - . | tar -C /mnt -xf -
mkdir -p /mnt/mnt /mnt/boot
sed -i /vmroot/d /mnt/etc/fstab
zpool set bootfs=rpool/root rpool
zpool export rpool
"""


def _more_devices(disks):
    """Returns QEMU's arguments for RPOOL; topology.py has the others."""
    args = []
    for serial in sorted(RPOOL):
        nsid = NSID[serial]
        args += ["-device", f"pcie-root-port,id=port-{serial},chassis={nsid},slot={nsid},io-reserve=0",
                 "-drive", f"if=none,id=disk-{serial},format=qcow2,cache=unsafe,file={disks[serial]}",
                 "-device", f"nvme,id=nvme-{serial},serial={serial},bus=port-{serial}",
                 "-device", f"nvme-ns,bus=nvme-{serial},drive=disk-{serial},nsid={nsid}"]
    return args


class Box:
    """One machine with an error record store, which boots again and again from the same disks."""

    def __init__(self, images, directory, build, say):
        self._images, self.directory, self._say = images, Path(directory).resolve(), say
        self._zfs = images.zfs()
        self._disks = images.fresh_disks(self.directory, build, self._zfs)
        for serial in TANK:
            self._image("resize", self._disks[serial], f"{TANK_MIB}M")
        for serial in RPOOL:
            self._disks[serial] = self.directory / f"{serial}.qcow2"
            self._image("create", "-f", "qcow2", self._disks[serial], f"{RPOOL_MIB}M")
        self._shutdowns = {}
        self._append = "ro"
        self._wrote = None
        self.machine = None

    @staticmethod
    def _image(command, *args):
        subprocess.run(["qemu-img", command, "-q", *args], check=True, stdin=subprocess.DEVNULL)

    def _boot(self):
        self.close()
        self._say("booting the machine with ZFS")
        devices = (topology.qemu_devices(self._disks) + _more_devices(self._disks)
                   + topology.store_devices(self.directory / "erst"))
        self.machine = Machine(self.directory, devices, self._images.kernel, self._zfs / "initrd",
                               self._images.kvm, f"ignore_loglevel {self._append}",
                               clock=self._images.clock, emulator=self._images.emulator)
        self.machine.start()
        self.machine.wait_boot()

    def _check(self, script, **keys):
        """Runs @script with the devices instead of the serials."""
        for serial in TANK | RPOOL:
            device = BY_ID.format(serial=serial, nsid=NSID[serial])
            script = re.sub(rf"(?<!_){serial}\b", device, script)
        return self.machine.check(script, **keys)

    def _set_up(self):
        """Returns the digest of what the boot found (None: nothing), and of what was written then."""
        said = dict(line.split()[:2] for line in self._check(SET_UP).splitlines())
        return said.get("found"), said["wrote"]

    def _start(self):
        if self.machine:
            return
        self._boot()
        if self._wrote is None:
            self._check(MAKE)
        _, self._wrote = self._set_up()

    def boot_from_pool(self):
        """Copies the root to a pool; the machine boots from there from now on."""
        self._start()
        self._say("copying the root to a pool")
        self._check(COPY_ROOT, timeout=COPY_SECONDS)
        self.machine.post("systemctl poweroff")
        self.machine.wait_exit()
        self.close()
        # the last one counts
        self._append = "root=ZFS=rpool/root ro"

    def shut_down(self, name, script="", **keys):
        """Shuts down, as configured by @keys, and boots again; each @name once."""
        if name in self._shutdowns:
            return self._shutdowns[name]
        self._start()
        text = "".join(f"{key}={value}\n" for key, value in keys.items())
        # the phase in which a controller is notified has to be that of the stage that takes it
        self.machine.check(f"cat >{CONFIG} <<'EOF'\n[Shutdown]\nEnabled=yes\nMinControllers=2\nOverlap=no\n"
                           f"{text}EOF\n{evidence.LOOK_AGAIN}")
        if script:
            self._check(script)
        plan = self.machine.check("nvme-async-shutdown plan 2>&1")
        self._say(f"shutting down: {name}")
        shutdown = evidence.reboot(self.machine, "systemctl reboot")
        shutdown.plan, shutdown.wrote = plan, self._wrote
        shutdown.found, self._wrote = self._set_up()
        shutdown.exitrd = self.machine.check(
            f"journalctl -b -1 -u {EXITRD_UNIT} -o cat --no-pager -q || true")
        shutdown.report = self.machine.check(
            "systemctl is-system-running --wait >/dev/null || true\nnvme-async-shutdown report 2>&1 || true")
        (self.directory / f"timeline-{name}.txt").write_text(
            "\n".join([*evidence.timeline(shutdown), plan, shutdown.exitrd, shutdown.report]))
        self._shutdowns[name] = shutdown
        return shutdown

    def close(self):
        if self.machine:
            self.machine.close()
            self.machine = None
