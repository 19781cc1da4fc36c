# SPDX-License-Identifier: LGPL-2.1-or-later
"""A machine whose NVMe controllers are those of a guest module (tests/vm/vnvme): latencies and faults.

It is booted once, and its state is saved before any controller exists. Each shutdown begins from that
state, or from one that was saved with its controllers, so that all of them have the same past, and none
has to wait for a boot.
"""

import copy
import hashlib
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from cache import claim
from machine import RACING_CPUS, Machine, MachineError

HERE = Path(__file__).resolve().parent
SOURCE = HERE / "vnvme"
MODULE = "/usr/local/lib/vnvme.ko"
SLOW_MODULE = "/usr/local/lib/slow.ko"
MODULES = ("vnvme", "opener", "slow")

# The kernel uses the first part of the memory, the controllers' BARs are in the second; the last MiB
# is the firmware's.
KERNEL_MIB = 1024
WINDOW_MIB = 511
MEMORY_MIB = KERNEL_MIB + WINDOW_MIB + 1

# One for each action.
UNIT_DROP_INS = "/etc/systemd/system/nvme-async-shutdown-*.service.d/mark.conf"
HOOKS = "/lib/systemd/system-shutdown"
OWN_HOOK = f"{HOOKS}/nvme-async-shutdown.shutdown"
MARKED_HOOK = "/usr/local/lib/marked.shutdown"

BOOTED = "booted"

# Puts the unchanged unit and hook between two marks on the controllers' clock.
SET_UP = f"""
for action in reboot poweroff halt kexec; do
        directory=/etc/systemd/system/nvme-async-shutdown-$action.service.d
        mkdir -p $directory
        cat >$directory/mark.conf <<EOF
[Service]
ExecStart=
ExecStart=/bin/sh -c 'echo begin-unit >/proc/vnvme; /usr/libexec/nvme-async-shutdown-stage unit $action; \
echo end-unit >/proc/vnvme'
EOF
done
mv {OWN_HOOK} {MARKED_HOOK}
cat >{HOOKS}/marked.shutdown <<'EOF'
#!/bin/sh
echo begin-hook >/proc/vnvme
[ ! -x {MARKED_HOOK} ] || {MARKED_HOOK} "$@"
echo end-hook >/proc/vnvme
# The console is quiet, so print the summary. A record without a line break is readable after the next.
echo begin-said >/proc/vnvme
echo marked >/dev/kmsg
dmesg | grep -a 'nvme-async-shutdown: .*stage=hook summary' >/dev/ttyS0 || true
echo end-said >/proc/vnvme
EOF
chmod 755 {HOOKS}/marked.shutdown
systemctl daemon-reload
systemctl enable -q nvme-async-shutdown.service
sync
"""


@dataclass(frozen=True)
class Event:
    usec: int       # the guest's CLOCK_MONOTONIC
    index: int      # of the controller; -1: a mark
    name: str
    value: int


@dataclass(frozen=True)
class Trace:
    usec: int
    pid: int
    comm: str
    function: str
    entered: bool


@dataclass
class Report:
    """The module's report at the end of device_shutdown()."""
    kernel_usec: int = 0
    events: list = field(default_factory=list)
    traces: list = field(default_factory=list)
    controllers: dict = field(default_factory=dict)     # index -> dict
    console: list = field(default_factory=list)         # all lines since the command

    def mark(self, name):
        """Returns the time of the first mark of that name, or None."""
        return next((e.usec for e in self.events if e.index < 0 and e.name == name), None)

    def span(self, name):
        """Returns the microseconds between begin-NAME and end-NAME; 0 if that never ran."""
        begin, end = self.mark(f"begin-{name}"), self.mark(f"end-{name}")
        return 0 if begin is None else (end or self.mark("kernel-pass")) - begin

    @property
    def total_usec(self):
        """The time of all stages and of the kernel's pass together."""
        return self.span("unit") + self.span("hook") + self.kernel_usec

    @property
    def reboot_usec(self):
        """From the command to the end of device_shutdown(), without the extra work of the test."""
        end = self.mark("kernel-pass") + self.kernel_usec
        return end - self.mark("command") - self.span("said")

    @property
    def serial_usec(self):
        """The estimate for the kernel alone in the hook's summary; None without a summary."""
        said = [match[1] for text in self.console
                if (match := re.search(r"stage=hook summary .*\bserial_usec=(\d+)", text))]
        return int(said[-1]) if said else None

    def of(self, index, name):
        return [e.usec for e in self.events if e.index == index and e.name == name]

    def not_clean(self):
        return {i for i, c in self.controllers.items() if c["condition"] != "clean"}


_EVENT = re.compile(r"event (\d+) (-?\d+) (\S+) (\d+)$")
_TRACE = re.compile(r"trace (\d+) (\d+) (.+) (\S+) ([01])$")
_CONTROLLER = re.compile(r"controller (\d+) (\S+) (\S+) (\S+) (.*)$")


def parse_report(lines):
    """@lines: texts after 'vnvme: ', or of /proc/vnvme."""
    report = Report()
    for line in lines:
        if match := _EVENT.match(line):
            report.events.append(Event(int(match[1]), int(match[2]), match[3], int(match[4])))
        elif match := _TRACE.match(line):
            report.traces.append(Trace(int(match[1]), int(match[2]), match[3], match[4],
                                       match[5] == "1"))
        elif match := _CONTROLLER.match(line):
            values = dict(pair.split("=") for pair in match[5].split())
            report.controllers[int(match[1])] = {
                "address": match[2], "serial": match[3], "condition": match[4],
                **{key: int(value) for key, value in values.items()}}
        elif match := re.match(r"device_shutdown (\d+) us", line):
            report.kernel_usec = int(match[1])
        elif line.startswith("lost "):
            raise MachineError(f"vnvme {line}")
    report.events.sort(key=lambda e: e.usec)
    return report


def build_modules(images):
    """Builds MODULES for the kernel of the base image; returns their directory, which is
    kept until the source or that kernel changes."""
    digest = hashlib.sha256(images.version.encode())
    for path in sorted(SOURCE.iterdir()):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    target = images.cache / f"vnvme-{digest.hexdigest()[:16]}"
    modules = [target / f"{name}.ko" for name in MODULES]
    if all(module.exists() for module in modules):
        return target
    for old in images.cache.glob("vnvme-*"):
        shutil.rmtree(old)
    shutil.copytree(SOURCE, target)
    headers = Path(f"/usr/src/linux-headers-{images.version}")
    if images.world.is_here and not headers.exists():
        raise MachineError(f"{headers} is missing: apt-get install linux-headers-{images.version}")
    subprocess.run(images.inside("make", "-s", "-C", headers, f"M={target}", "modules"), check=True,
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    subprocess.run(["strip", "--strip-debug", *modules], check=True)
    return target


class Bench:
    """Makes machines that start from one saved state.

    On the virtual clock their root is in memory: a disk takes time of the host, in which the guest's
    clock may jump ahead by any number of timers.

    @files: further files, path in the guest -> path here."""

    def __init__(self, images, directory, build, say=print, append="quiet", clock=None, files=None):
        self._images = images
        self._append = append
        self._clock = clock or images.clock
        self._say = say
        # images refer to each other by path; a relative one starts at the directory of the image
        self.directory = self._booted = Path(directory).resolve()
        self.directory.parent.mkdir(parents=True, exist_ok=True)
        self._claim = claim(self.directory)
        if self.directory.exists():
            shutil.rmtree(self.directory)
        self.directory.mkdir()
        self._in_memory = self._clock == "virtual"
        kind = "cpio" if self._in_memory else "qcow2"
        modules = build_modules(images)
        files = {MODULE: modules / "vnvme.ko", SLOW_MODULE: modules / "slow.ko", **(files or {})}
        self._root = images.root(build, files, f"root-{self.directory.name}.{kind}", self._in_memory)

    def beside(self, name):
        """Returns another Bench with the same saved state, whose machines run at the same time."""
        if not self._saved(BOOTED)[1].exists():
            self._prepare()
        other = copy.copy(self)
        other.directory = self.directory / name
        other.directory.mkdir()
        return other

    @property
    def _running(self):
        return self.directory / "run.qcow2"

    def _machine(self, back, *options):
        """@back: its initial disk."""
        append = f"{self._append} rw fstab=no mem={KERNEL_MIB}M"
        if self._in_memory:
            devices, initrd = [], self._root
            # with root= of a device the kernel would use a ramfs, which has no size
            append += " root= rdinit=/sbin/init"
        else:
            devices = ["-drive", f"if=none,id=root,format=qcow2,cache=unsafe,file={self._running}",
                       "-device", "virtio-blk-pci,drive=root,addr=2.0"]
            initrd = self._images.initrd
            self._running.unlink(missing_ok=True)
            subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", back,
                            self._running], check=True, stdin=subprocess.DEVNULL)
        return Machine(self.directory, [*devices, "-no-reboot", *options], self._images.kernel, initrd,
                       self._images.kvm, append, MEMORY_MIB, self._clock, self._images.emulator,
                       RACING_CPUS)

    def _saved(self, name):
        """Returns the paths of the disk (which may be missing) and the state of that name."""
        directory = self._booted if name == BOOTED else self.directory
        return directory / f"{name}.qcow2", directory / f"{name}.state"

    def keep(self, machine, name):
        """Saves a machine as it is, for start(name), and ends it."""
        disk, state = self._saved(name)
        machine.check("sync")
        # stopped first: QEMU saves a page of a running machine again when the guest writes to it, and under
        # software emulation it misses some of these writes
        machine.qmp("stop")
        machine.migrate("migrate", f"exec:cat >{state}")
        machine.close()
        if not self._in_memory:
            self._running.rename(disk)

    def _prepare(self):
        """Boots, sets up, and saves the state from which all runs begin."""
        self._say("booting the machine that all runs begin from")
        with self._machine(self._root) as machine:
            machine.wait_boot()
            machine.check(SET_UP)
            # the agent is a job of the boot itself: wait for all other jobs
            machine.check("while systemctl list-jobs --no-legend | grep -q running; do sleep 0.1; "
                          "done")
            self.keep(machine, BOOTED)

    def start(self, name=BOOTED, is_paused=False):
        """Returns a machine in the state of that name; the caller closes it."""
        disk, state = self._saved(name)
        if name == BOOTED and not state.exists():
            self._prepare()
        machine = self._machine(disk, "-incoming", "defer")
        machine.start()
        machine.migrate("migrate-incoming", f"exec:cat {state}")
        if not is_paused:
            machine.qmp("cont")
        return machine


def load(machine, **parameters):
    """Loads the module and waits until the driver has brought all controllers up."""
    words = " ".join(f"{key}='{value}'" for key, value in parameters.items())
    # trace= needs the driver's functions; without controllers udevd has not loaded it yet
    machine.check(f"""
modprobe nvme
insmod {MODULE} window=$(({KERNEL_MIB} << 20)) window_mib={WINDOW_MIB} {words}
udevadm settle
wanted=$(grep -c ^controller /proc/vnvme)
deadline=$((SECONDS + 100))
until [ "$(cat /sys/class/nvme/*/state | grep -c live)" = "$wanted" ] &&
        [ "$(ls -d /sys/class/nvme/*/nvme*n* | wc -l)" = "$wanted" ]; do
        [ "$SECONDS" -lt "$deadline" ] || {{ dmesg | tail -50; exit 1; }}
        udevadm settle
done
echo clear >/proc/vnvme
""", timeout=150)


def shut_down(machine, command, timeout, set_up="true"):
    """Runs @set_up, then @command; returns the module's report at the end.

    A paused machine continues when it has both, so that waiting for them takes none of its time."""
    start = len(machine.console.lines)
    machine.post(f"set -e\n{set_up}\nsleep 1\necho command >/proc/vnvme\n{command}")
    machine.qmp("cont")
    end, _ = machine.wait_console(r"vnvme: end$", start, timeout)
    texts = [text for _, text in machine.console.lines[start:end]]
    report = parse_report([text.split("vnvme: ", 1)[1] for text in texts if "vnvme: " in text])
    report.console = texts
    return report
