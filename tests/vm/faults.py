# SPDX-License-Identifier: LGPL-2.1-or-later
"""Shuts down with faulty controllers, or with a disturbed hook. Each shutdown runs once, and all tests
read its report."""

from dataclasses import dataclass, field

import evidence
import vnvme
from machine import MachineError

LATENCY_MS = 300
STAGE = "/usr/libexec/nvme-async-shutdown-stage hook"

# The time-outs of the driver, which the kernel alone waits for once for each faulty controller.
SHUTDOWN_TIMEOUT_MS = 5000      # nvme_core.shutdown_timeout
ADMIN_TIMEOUT_MS = 60000        # nvme_core.admin_timeout


@dataclass(frozen=True)
class Fault:
    kernel_alone_ms: int        # minimum time of the kernel alone for one such controller
    outcomes: tuple             # allowed in the record
    clean: bool                 # shut down cleanly in the end
    at_once: bool = False       # set before the shutdown begins, not at SHN


FAULTS = {
    "never": Fault(SHUTDOWN_TIMEOUT_MS, ("failed",), False),
    "no-admin": Fault(ADMIN_TIMEOUT_MS, ("detached",), True, at_once=True),
    "cfs": Fault(SHUTDOWN_TIMEOUT_MS, ("failed",), False),
    "gone": Fault(0, ("vanished",), False, at_once=True),
    "gone-during": Fault(SHUTDOWN_TIMEOUT_MS, ("vanished",), False),
    "strict": Fault(LATENCY_MS, ("detached",), True),
}

# Used in the scripts below. told: waits until a controller has that event. worker: the name of
# VNVME003, which its worker has too. The kernel assigns names in the order of probing, which need not be
# that of the addresses (7.2), and in the middle of an unbind sysfs no longer has them.
BEGIN = """
told() {
        until grep -q "$1" /proc/vnvme; do sleep 0.02; done
}
worker=$(basename "$(dirname "$(grep -l VNVME003 /sys/class/nvme/*/serial)")")
"""

# The hook as systemd-shutdown calls it, disturbed in some way.
DISTURBED = {
    "fork fails": """
echo 12 >/sys/fs/cgroup/init.scope/pids.max
STAGE "$1"
""",
    "no descriptors left": """
ulimit -n 20
STAGE "$1"
""",
    "a worker is killed": """
STAGE "$1" &
told " 3 shn "
kill -KILL $(pgrep -x "$worker")
wait
""",
    "one is added": """
STAGE "$1" &
told " shn "
echo 1 >/sys/bus/pci/rescan
wait
""",
    "one is removed": """
STAGE "$1" &
told " shn "
echo 1 >/sys/bus/pci/devices/0010:04:00.0/remove
wait
""",
    "two hooks": """
STAGE "$1" &
STAGE "$1"
wait
""",
    "SIGTERM": """
STAGE "$1" &
told " shn "
kill -TERM $!
wait
""",
    "no kmsg": """
mount --bind /dev/null /dev/kmsg
STAGE "$1"
""",
    "memory is looked at": """
STAGE "$1" &
told " 3 shn "
rss=$(awk '/^Rss/ { print $2 }' /proc/$!/smaps_rollup)
echo "<30>vm-test: parent $rss kB" >/dev/kmsg
private=$(awk '/^Private/ { n += $2 } END { print n }' /proc/$(pgrep -x "$worker")/smaps_rollup)
echo "<30>vm-test: worker $private kB" >/dev/kmsg
wait
""",
    "nothing": """
STAGE "$1"
""",
}


# One controller never completes a Flush. It is in use until the end, or idle.
HUNG = 3
HUNG_LATENCY_MS = 500
FOR_EVER_US = 4000000000
HUNG_TIMEOUT_SECONDS = 5
# nvme_core.io_timeout: how long the driver waits for commands under way (nvme_dev_disable(), 6.1)
FREEZE_SECONDS = 30
HOLD = f"""
node=$(grep -l VNVME00{HUNG} /sys/class/nvme/*/serial | xargs dirname | xargs basename)n1
systemd-run --quiet --unit=holder -p DefaultDependencies=no -p KillMode=none -p SendSIGKILL=no \\
        bash -c "exec 7</dev/$node; exec -a @holder sleep infinity"
until pgrep -f @holder; do sleep 0.1; done
# the unit's record goes to the journal, and this machine has no next boot
mkdir -p /run/systemd/journald.conf.d
printf '[Journal]\\nForwardToKMsg=yes\\nMaxLevelKMsg=info\\n' >/run/systemd/journald.conf.d/kmsg.conf
systemctl restart systemd-journald.service
"""

LOCK_DOWN = """
echo integrity >/sys/kernel/security/lockdown
grep -qF '[integrity]' /sys/kernel/security/lockdown
"""

# Loads the next kernel as kexec(8) does, which Debian can install only with units that use it for every
# reboot: kexec_file_load(2) on x86-64, KEXEC_FILE_NO_INITRAMFS. systemctl uses a kernel that is loaded.
NEXT_KERNEL = "/usr/local/lib/vmlinuz"
LOAD_KERNEL = f"""
perl -e 'open(my $kernel, "<", shift) or die "$!";
         my $line = shift;
         syscall(320, fileno($kernel), -1, length($line) + 1, $line, 4) == 0 or die "$!"' \
        {NEXT_KERNEL} "console=ttyS0 next-kernel"
"""


@dataclass
class Run:
    report: vnvme.Report
    said: dict                  # serial -> all outcomes that were logged
    outcomes: dict              # serial -> the last of them
    reasons: dict               # serial -> reason, of the record
    verified: dict              # serial -> yes or no
    n: int
    faulty: frozenset = frozenset()
    kernel_alone_ms: int = 0    # a lower bound
    notes: dict = field(default_factory=dict)

    @property
    def serials(self):
        return {serial(i) for i in range(self.n)}

    def ended_usec(self, indices):
        """Time from the start of the hook until the last of them was done."""
        begin = self.report.mark("begin-hook")
        return max(self.report.of(i, "shst")[0] for i in indices) - begin

    @property
    def healthy(self):
        return set(range(self.n)) - self.faulty


def serial(index):
    return f"VNVME{index:03}"


def _read(report, n, faulty=frozenset(), kernel_alone_ms=0):
    run = Run(report, {}, {}, {}, {}, n, faulty, kernel_alone_ms)
    for text in report.console:
        if line := evidence.kernel_line(text):
            run.said.setdefault(line["serial"], []).append(line["outcome"])
            run.outcomes[line["serial"]] = line["outcome"]
            run.reasons[line["serial"]] = line["reason"]
            run.verified[line["serial"]] = line["verified"]
    return run


class Campaign:
    def __init__(self, images, directory, build, say, overlap):
        self.overlap = overlap
        self._machines = vnvme.Bench(images, directory, build, say, append="ignore_loglevel",
                                     files={NEXT_KERNEL: images.kernel})
        self._say = say
        self._runs = {}

    def _shut_down(self, n, set_up, timeout, command="systemctl reboot -f", after=None, **parameters):
        """@after: a line of the console for which to wait after the report."""
        machine = self._machines.start()
        try:
            vnvme.load(machine, topology=f"{n}*R(N)", **parameters)
            machine.check(set_up)
            start = len(machine.console.lines)
            report = vnvme.shut_down(machine, command, timeout)
            if after:
                machine.wait_console(after, start)
            return report
        finally:
            machine.close()

    def _configured(self, **keys):
        keys = {"Enabled": "yes", "Overlap": "yes" if self.overlap else "no", **keys}
        text = "".join(f"{key}={value}\\n" for key, value in keys.items())
        return f"printf '[Shutdown]\\n{text}' >/etc/nvme-async-shutdown.conf\n"

    def _once(self, key, function):
        if key not in self._runs:
            self._say(f"shutting down: {key}{', overlapping' if self.overlap else ''}")
            try:
                self._runs[key] = function()
            except MachineError as error:
                self._runs[key] = error
        if isinstance(self._runs[key], MachineError):
            raise self._runs[key]
        return self._runs[key]

    def faulty(self, name, n, n_faulty):
        """Shuts down @n controllers, @n_faulty of which have the fault of that name."""
        # neither the first nor the last, and no two neighbours
        faulty = frozenset(3 + 7 * i for i in range(n_faulty))
        fault = FAULTS[name]
        words = ",".join(f"{name}@{i}" for i in sorted(faulty))

        def run():
            set_up = self._configured()
            # set after load(): these faults must not disturb the driver's probe
            set_up += f"echo {words} >/sys/module/vnvme/parameters/faults\n"
            report = self._shut_down(n, set_up, 120, latency_us=LATENCY_MS * 1000)
            alone = (n - n_faulty) * LATENCY_MS + n_faulty * fault.kernel_alone_ms
            return _read(report, n, faulty, alone)
        return self._once(f"{name} on {n_faulty} of {n}", run)

    def disturbed(self, name, n=8, latency_ms=LATENCY_MS, **keys):
        script = DISTURBED[name].replace("STAGE", STAGE)

        def run():
            set_up = self._configured(**keys) + (
                f"rm {vnvme.MARKED_HOOK}\ncat >{vnvme.MARKED_HOOK} <<'EOF'\n#!/bin/sh\n{BEGIN}{script}\n"
                f"exit 0\nEOF\nchmod 755 {vnvme.MARKED_HOOK}\n")
            if name == "one is added":
                set_up += ("echo 1 >/sys/bus/pci/devices/0010:04:00.0/remove\n"
                           "until [ $(ls /sys/class/nvme | wc -l) = 7 ]; do :; done\n"
                           "echo clear >/proc/vnvme\n")
            report = self._shut_down(n, set_up, 120, latency_us=latency_ms * 1000)
            return _read(report, n, kernel_alone_ms=n * latency_ms)
        return self._once(f"{name} {keys or ''}", run)

    def way_down(self, command):
        """The unit takes all, and one controller never reaches SHST."""
        def run():
            set_up = self._configured() + "echo never@3 >/sys/module/vnvme/parameters/faults\n"
            after = None
            if command == "systemctl kexec":
                set_up += LOAD_KERNEL
                after = "Command line: .*next-kernel"
            report = self._shut_down(8, set_up, 120, command, after, latency_us=2_000_000)
            return _read(report, 8, frozenset({3}), 7 * 2000 + SHUTDOWN_TIMEOUT_MS)
        return self._once(f"{command}, never on 1 of 8", run)

    def left_without_admin(self):
        """A controller that answers no admin command is excluded: no worker runs for it, and the kernel's
        pass has to shut it down."""
        def run():
            set_up = (self._configured(Exclude="VNVME003") +
                      "echo no-admin@3 >/sys/module/vnvme/parameters/faults\n")
            report = self._shut_down(8, set_up, 120, latency_us=LATENCY_MS * 1000)
            return _read(report, 8, frozenset({3}), 7 * LATENCY_MS + ADMIN_TIMEOUT_MS)
        return self._once("no-admin, excluded", run)

    def late(self):
        """One controller reaches SHST after the stage's deadline."""
        def run():
            report = self._shut_down(8, self._configured(TimeoutSec=2), 120,
                                     latency_us=f"{LATENCY_MS}000,4000000,{LATENCY_MS}000",
                                     rtd3e_us="8000000")
            return _read(report, 8, frozenset({1}), 7 * LATENCY_MS + 4000)
        return self._once("late", run)

    def hung_flush(self, is_held):
        """A Flush never ends. The unit flushes the controller that is in use, the hook the idle one."""
        def run():
            hang = [0] * 8
            hang[HUNG] = FOR_EVER_US
            report = self._shut_down(
                8, self._configured(**({} if is_held else {"TimeoutSec": HUNG_TIMEOUT_SECONDS})) +
                (HOLD if is_held else ""), 200,
                "systemctl reboot" if is_held else "systemctl reboot -f",
                latency_us=HUNG_LATENCY_MS * 1000, flush_us=",".join(map(str, hang)))
            return _read(report, 8, frozenset({HUNG}), 8 * HUNG_LATENCY_MS)
        return self._once(f"a Flush hangs, {'in use' if is_held else 'idle'}", run)

    def locked_down(self):
        """Lockdown, as with Secure Boot; one controller never reaches SHST."""
        def run():
            set_up = (self._configured() + "echo never@3 >/sys/module/vnvme/parameters/faults\n" +
                      LOCK_DOWN)
            report = self._shut_down(8, set_up, 120, latency_us=LATENCY_MS * 1000)
            return _read(report, 8, frozenset({3}), 7 * LATENCY_MS + SHUTDOWN_TIMEOUT_MS)
        return self._once("lockdown", run)
