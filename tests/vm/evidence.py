# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs one shutdown and collects all evidence about it.

This module judges nothing: the tests do that, all from the same `Shutdown`.
"""

import json
import re
import time
from dataclasses import dataclass, field

import topology
from machine import SHUTDOWN_SECONDS, MachineError

# The messages of systemd-shutdown divide the console into phases.
TEARDOWN_BEGINS = r"systemd-shutdown\[1\]: Syncing filesystems and block devices"
# PID 1 prints this after its executables, because BUSY stays mounted. Then it syncs once more, in a
# child whose flushes may precede the line about it.
HOOKS_END = r"systemd-shutdown\[1\]: ((?:Failed|Unable) to finalize .*, ignoring|Syncing filesystems)"
HOOKS_BEGIN = (r"systemd-shutdown\[1\]: (All filesystems, swaps, .* detached\."
               r"|Cannot finalize remaining .* continuing\.)")
KERNEL_BEGINS = r"systemd-shutdown\[1\]: (Rebooting|Powering off|Halting system)\."
PHASES = (("teardown", TEARDOWN_BEGINS), ("hook", HOOKS_BEGIN), ("sync", HOOKS_END),
          ("kernel", KERNEL_BEGINS))
KERNEL_ENDS = r"reboot: (Restarting system|Power down|System halted)"

INVENTORY = r"""
for c in /sys/class/nvme/*; do
        name=${c##*/}
        read -r serial <"$c/serial"; read -r address <"$c/address"
        read -r bar _ <"/sys/bus/pci/devices/$address/resource"
        echo "$serial $name $address $bar"
done
"""

# Data goes to the page cache only: the shutdown has to bring it to the disk. The raw
# device has no file system that does so, therefore fsync.
WRITE = r"""
for dir in /var/lib/vm /srv/ext4 /srv/lvm /srv/md /srv/busy; do
        mkdir -p $dir
        dd if=/dev/urandom of=$dir/data bs=64k count=16 status=none
        touch "$dir/name-$RANDOM"
done
dd if=/dev/urandom of=RAWDEVICE bs=64k count=16 conv=fsync status=none
"""

DIGESTS = r"""
for dir in /var/lib/vm /srv/ext4 /srv/lvm /srv/md /srv/busy; do
        echo "$dir $( (cd $dir && ls && cat data) | sha256sum)"
done
echo "raw $(head -c 1M RAWDEVICE | sha256sum)"
"""

# ext4's messages at the mount of each file system; the root is checked as it is, the
# others are unmounted for a full check. keep-busy has to be killed for that.
FILE_SYSTEMS = r"""
pid=$(systemctl show -P MainPID keep-busy)
for dir in / /srv/ext4 /srv/lvm /srv/md /srv/busy; do
        # -m: a root on ZFS has no device
        dev=$(findmnt -no SOURCE $dir); name=$(basename "$(realpath -m "$dev")")
        dmesg | grep -qE "EXT4-fs \($name\): .*(recovery complete|orphan cleanup)" &&
                recovered=yes || recovered=no
        clean=yes
        if [ $dir != / ]; then
                [ $dir != /srv/busy ] || { kill "$pid"; sleep 1; }
                umount $dir
                e2fsck -fn "$dev" >/run/e2fsck 2>&1 || clean=no
                mount $dir
        fi
        echo "$dir $recovered $clean"
done
systemctl restart keep-busy
"""

# After a change of the configuration: brings the machine to the state that a boot with it would have.
# Tests do so more often than systemd's limit for starts allows.
LOOK_AGAIN = """
systemctl reset-failed 'nvme-async-shutdown*'
systemctl restart nvme-async-shutdown.service nvme-async-shutdown-exitrd.service
"""


@dataclass(frozen=True)
class Found:
    """A controller, as the guest names it during one boot."""
    name: str
    address: str
    bar: int


@dataclass
class Shutdown:
    """One shutdown, from the command to the next boot."""
    controllers: dict       # serial -> Found
    digests_before: str
    phases: tuple = PHASES  # of (name, pattern of its first line on the console)
    events: list = field(default_factory=list)
    started: float = 0      # host clock, when the command was given
    seconds: float = 0      # from there to the end of the kernel
    boot_id: str = None     # of the boot that is shut down
    # from the next boot
    digests_after: str = ""
    journal: list = field(default_factory=list)
    recovered: set = field(default_factory=set)
    damaged: set = field(default_factory=set)
    kernel_log: str = ""
    _phases: list = field(default_factory=list)

    def index(self, regex, start=0):
        """Returns the position of the first console line that matches, or None."""
        for i in range(start, len(self.events)):
            if self.events[i].kind == "line" and re.search(regex, self.events[i].text):
                return i
        return None

    def lines(self, regex):
        return [e.text for e in self.events if e.kind == "line" and re.search(regex, e.text)]

    def phase(self, position):
        """Returns the part of the shutdown to which an event belongs.

        "unit": systemd still manages units; "teardown": systemd-shutdown kills and
        unmounts; "hook": its executables run; "sync": they have ended; "kernel": the
        kernel's own pass.
        """
        if not self._phases:
            begin = 0
            for name, regex in self.phases:
                found = self.index(regex, begin)
                if found is None:
                    raise MachineError(f"the console never showed {regex!r}")
                begin = found + 1
                self._phases.insert(0, (found, name))
        return next((name for begin, name in self._phases if position > begin), "unit")

    def notifications(self):
        """Returns all writes of CC.SHN in their order: (serial, phase, 1 = normal or 2 = abrupt)."""
        return [(self.serial(e), self.phase(i), e.value)
                for i, e in enumerate(self.events) if e.kind == "shn"]

    def serial(self, event):
        """Returns the serial of the controller whose register an event of kind "shn" wrote."""
        for serial, found in self.controllers.items():
            if found.bar == event.address:
                return serial
        return hex(event.address)

    def unflushed(self):
        """Returns the controllers that a stage notified without an earlier Flush in the same phase."""
        unflushed, flushed = set(), set()
        for position, event in enumerate(self.events):
            phase = self.phase(position)
            if event.kind == "flush":
                flushed.add((topology.SERIAL_OF_NSID[event.value], phase))
            elif event.kind == "shn" and phase in ("unit", "hook", "exitrd"):
                serial = self.serial(event)
                if (serial, phase) not in flushed:
                    unflushed.add(serial)
        return unflushed

    def notified_in(self, phase):
        return {serial for serial, at, _ in self.notifications() if at == phase}

    def flushed_in(self, phase):
        """Returns the controllers that the guest flushed; an unbind itself sends no Flush."""
        return {topology.SERIAL_OF_NSID[e.value] for i, e in enumerate(self.events)
                if e.kind == "flush" and self.phase(i) == phase}

    def entries(self, outcome=None):
        """Returns the journal's entries of the unit stage: serial -> entry."""
        return {e["NVME_SERIAL"]: e for e in self.journal
                if "NVME_SERIAL" in e and outcome in (None, e.get("NVME_OUTCOME"))}

    def hook_lines(self, stage="hook"):
        """Returns the kernel log lines of that stage: serial -> dictionary of kernel_line()."""
        found = {}
        for text in self.lines(r"nvme-async-shutdown: .*\(stage="):
            line = kernel_line(text)
            if not line or line["stage"] != stage:
                continue
            # with Overlap= a worker may log its end sooner than the parent logs that it has begun
            if line["outcome"] != "begun" or line["serial"] not in found:
                found[line["serial"]] = {**line, "text": text}
        return found

    def hook_summary(self):
        lines = self.lines(r"nvme-async-shutdown: .*\bstage=hook summary ")
        return _words(lines[-1]) if lines else None


def _words(text):
    """Returns the key=value words; a value contains no space."""
    return dict(re.findall(r"(\w+)=([^\s)]*)", text))


_CONTROLLER = re.compile(r"nvme-async-shutdown: (?P<name>\S+) (?P<address>\S+): (?P<outcome>\w+)"
                         r"(?: in [0-9.]+s)?(?P<flushed>, flushed)?(?:: (?P<reason>.*))? "
                         r"\((?P<words>stage=[a-z]+/[a-z]+ .*)\)$")


def kernel_line(text):
    """Parses a controller's line in the kernel log: a dictionary of texts, or None for other lines.

    Phases are microseconds, by their names; the handshake is "usec"."""
    match = _CONTROLLER.search(text.rstrip())
    if not match:
        return None
    words = _words(match["words"])
    stage, action = words["stage"].split("/")
    took = words.get("took", "0,0,0,0,0").split(",")
    return {"name": match["name"], "address": match["address"], "outcome": match["outcome"],
            "reason": match["reason"] or "", "flushed": "yes" if match["flushed"] else "no",
            "verified": words.get("verified", "yes" if match["outcome"] == "detached" else "no"),
            "stage": stage, "action": action, "serial": words["sn"], "boot": words["boot"],
            "started": words.get("at", "0"),
            **dict(zip(("fork", "check", "fsync", "usec", "verify"), took))}


def held_by_udevd(entries):
    """Returns the serial numbers in @entries, of the journal, that the unit left because udevd was looking at
    the drive. It does so when swap or a file system has let go of one, on a busy host seconds later; with any
    other drive the same reason is a failure. The hook takes them."""
    looks = re.compile(r" is open in (\(udev-worker\)|systemd-udevd)|was read or written since the plan")
    return topology.LET_GO_AT_SHUTDOWN & {entry["NVME_SERIAL"] for entry in entries
                                          if looks.search(entry.get("NVME_REASON") or "")}


def inventory(machine):
    found = {}
    for line in machine.check(INVENTORY).splitlines():
        serial, name, address, bar = line.split()
        found[serial] = Found(name, address, int(bar, 16))
    return found


def _raw_device(controllers):
    return f"/dev/{controllers['RAW'].name}n1"


def begin(machine, phases=PHASES):
    """Writes new data everywhere; returns the evidence that exists before the shutdown."""
    controllers = inventory(machine)
    raw = _raw_device(controllers)
    machine.check(WRITE.replace("RAWDEVICE", raw))
    return Shutdown(controllers, machine.check(DIGESTS.replace("RAWDEVICE", raw)), phases,
                    boot_id=machine.boot_id)


def watch(machine, shutdown, command, off=False):
    """Gives @command and collects QEMU's trace until the machine boots again, or is off."""
    first = len(machine.trace.events)
    console = len(machine.console.lines)
    machine.trace_registers(True)
    shutdown.started = time.time()
    machine.post(command)
    index, _ = machine.wait_console(KERNEL_ENDS, console, SHUTDOWN_SECONDS)
    shutdown.seconds = machine.console.lines[index][0] - shutdown.started
    if off:
        machine.wait_exit()
    else:
        # SeaBIOS and the next kernel write registers, too; the trace would only slow them down
        machine.trace_registers(False)
        machine.wait_boot()
    shutdown.events = machine.trace.events[first:]
    # later events belong to the next boot
    end = shutdown.index(KERNEL_ENDS)
    del shutdown.events[len(shutdown.events) if end is None else end + 1:]


def look_back(machine, shutdown):
    """Collects the evidence that only the next boot has."""
    raw = _raw_device(inventory(machine))
    shutdown.digests_after = machine.check(DIGESTS.replace("RAWDEVICE", raw))
    shutdown.journal = [json.loads(line) for line in machine.check(
        # not -1: a boot that was reset may have a journal, too
        f"journalctl -b {shutdown.boot_id} -u nvme-async-shutdown -o json --no-pager -q "
        "|| true").splitlines()]
    shutdown.kernel_log = machine.check("dmesg")
    for line in machine.check(FILE_SYSTEMS).splitlines():
        place, recovered, clean = line.split()
        if recovered == "yes":
            shutdown.recovered.add(place)
        if clean == "no":
            shutdown.damaged.add(place)


def reboot(machine, command, phases=PHASES):
    """Gives @command, which boots again, with new data everywhere; returns all evidence."""
    shutdown = begin(machine, phases)
    watch(machine, shutdown, command)
    look_back(machine, shutdown)
    return shutdown


def timeline(shutdown):
    """Yields all events as lines of text, for people."""
    for position, event in enumerate(shutdown.events):
        what = {"line": event.text,
                "shn": f"-> {shutdown.serial(event)} gets CC.SHN={event.value}",
                "flush": f"-> {topology.SERIAL_OF_NSID.get(event.value)} gets Flush",
                "shutdown_set": "   (QEMU: shutdown bit set)"}[event.kind]
        yield f"{event.time - shutdown.started:8.3f} {shutdown.phase(position):8} {what}"
