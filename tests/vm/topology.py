# SPDX-License-Identifier: LGPL-2.1-or-later
"""The test machine's NVMe controllers, and their places.

Every controller has a serial number and a namespace id of its own. The guest
finds controllers by serial, never by name. QEMU's Flush trace has only the
namespace id, so that this must be unique as well.
"""

from dataclasses import dataclass

MEMORY_MIB = 1024
STORE_KIB = 64
AGENT_PORT = "vm-agent"


@dataclass(frozen=True)
class Controller:
    serial: str
    nsid: int
    size_mib: int
    behind_switch: bool


CONTROLLERS = (
    Controller("ROOT", 1, 0, False),    # size: that of the root file system
    Controller("IDLE1", 2, 32, False),
    Controller("EXT4", 3, 96, False),
    Controller("SWAP", 4, 64, False),
    Controller("LVM", 5, 96, False),
    Controller("MDA", 6, 96, True),
    Controller("MDB", 7, 96, True),
    Controller("BUSY", 8, 96, True),
    Controller("IDLE2", 9, 32, True),
    Controller("IDLE3", 10, 32, True),
    Controller("RAW", 11, 32, True),
)

ALL = frozenset(c.serial for c in CONTROLLERS)
SERIAL_OF_NSID = {c.nsid: c.serial for c in CONTROLLERS}

# Which controllers are free at which moment of a shutdown, by their use in the guest.
HELD_TO_THE_END = frozenset({"ROOT", "BUSY"})
HELD_BY_STACK = frozenset({"LVM", "MDA", "MDB"})
FREE_IN_UNIT_STAGE = ALL - HELD_TO_THE_END - HELD_BY_STACK
# in use by a file system and as swap until the shutdown begins
LET_GO_AT_SHUTDOWN = frozenset({"EXT4", "SWAP"})

MOUNTED = {"EXT4": "/srv/ext4", "LVM": "/srv/lvm", "MD": "/srv/md", "BUSY": "/srv/busy"}


def _ports():
    """Gives each controller a root port, and the switch one; returns arguments, and bus names by serial."""
    args, bus = [], {}
    slot = 0
    for ctrl in CONTROLLERS:
        slot += 1
        name = f"port-{ctrl.serial}"
        bus[ctrl.serial] = name
        if ctrl.behind_switch:
            continue
        args += ["-device", f"pcie-root-port,id={name},chassis={slot},slot={slot},io-reserve=0"]

    slot += 1
    args += ["-device", f"pcie-root-port,id=port-switch,chassis={slot},slot={slot},io-reserve=0",
             "-device", "x3130-upstream,id=switch,bus=port-switch"]
    for ctrl in CONTROLLERS:
        if not ctrl.behind_switch:
            continue
        slot += 1
        args += ["-device", f"xio3130-downstream,id=port-{ctrl.serial},bus=switch,"
                            f"chassis={slot},slot={slot}"]
    return args, bus


def qemu_devices(disks):
    """Returns QEMU's arguments for all controllers; @disks: serial -> path of a qcow2 file."""
    args, bus = _ports()
    for ctrl in CONTROLLERS:
        # unsafe: the host does not crash during a test, and the guest's Flush is traced anyway
        args += ["-drive", f"if=none,id=disk-{ctrl.serial},format=qcow2,cache=unsafe,"
                           f"file={str(disks[ctrl.serial]).replace(',', ',,')}",
                 "-device", f"nvme,id=nvme-{ctrl.serial},serial={ctrl.serial},"
                            f"bus={bus[ctrl.serial]}",
                 "-device", f"nvme-ns,bus=nvme-{ctrl.serial},drive=disk-{ctrl.serial},"
                            f"nsid={ctrl.nsid}"]
    return args


def store_devices(path, kib=STORE_KIB):
    """Returns QEMU's arguments for an error record store (ACPI ERST), pstore's back end, in a file."""
    return ["-object", f"memory-backend-file,id=store,mem-path={path},size={kib}K,share=on",
            "-device", "acpi-erst,memdev=store"]
