# SPDX-License-Identifier: LGPL-2.1-or-later
"""One virtual machine: starts it, talks to it, watches it, and always ends it."""

import base64
import itertools
import json
import re
import socket
import subprocess
import threading
import time
import warnings
from pathlib import Path

import topology
from emulator import INSTALLED
from qemu_trace import Trace

# For software emulation on two cores: generous, but every wait has an end.
BOOT_SECONDS = 240
COMMAND_SECONDS = 120
SHUTDOWN_SECONDS = 300
# writing a state, some 100 MiB, takes several seconds on a busy machine
STATE_SECONDS = 120

KERNEL_ARGUMENTS = (
    "root=LABEL=vmroot console=ttyS0 net.ifnames=0 "
    # useless in a machine that lives for five minutes
    "mitigations=off audit=0 apparmor=0 selinux=0 no_timer_check fsck.mode=skip "
    "systemd.show_status=false random.trust_cpu=on "
    # With two emulated processors a guest sometimes runs an int3 in code that the kernel is patching,
    # some seconds after the boot began (QEMU 7.2; sched_clock_idle_wakeup_event(), 6.12): boot again.
    "panic=1 "
    # On a busy host the probing of nine drives has taken longer than the usual 90 s (systemd 254).
    "systemd.default_device_timeout_sec=300"
)


# The guest's clock under software emulation: QEMU's arguments, whether it allows more than one processor, and
# a factor for the waits above.
# On the host's clock the guest computes some 25 times slower than a real machine, while latencies are
# exact. On the virtual one each instruction takes 1 ns, and an idle guest's clock jumps to its next timer:
# figures don't depend on the load of the host.
CLOCKS = {
    "host": (["-accel", "tcg,thread=multi,tb-size=512"], True, 1),
    "virtual": (["-accel", "tcg,thread=single,tb-size=512",
                 "-icount", "shift=0,sleep=off,align=off"], False, 8),
}


# where races between processors matter
RACING_CPUS = 2

LAST_LINES_SECONDS = 10
# a boot that prints nothing for that long hangs
SILENT_SECONDS = 60
# of a boot that hangs
CONSOLE_LINES = 25

# With two emulated processors the timer of the second one sometimes stops early in a boot, and everything
# that needs a grace period waits for it (Linux 6.1.192, QEMU 10.0).
TIMER_HAS_STOPPED = "rcu_preempt kthread timer wakeup didn't happen"


class MachineError(Exception):
    """The machine did not do its task in the given time."""


class LineReader(threading.Thread):
    """Collects lines from a socket, each with the host's time of its end."""

    def __init__(self, sock, log=None):
        super().__init__(daemon=True)
        self.lines = []
        self.closed = False
        self._sock = sock
        self._log = log
        self._cond = threading.Condition()
        self.start()

    def run(self):
        pending = b""
        while True:
            try:
                data = self._sock.recv(65536)
            except OSError:
                data = b""
            if not data:
                break
            *complete, pending = (pending + data).split(b"\n")
            self._add([line.decode(errors="replace").strip("\r") for line in complete])
        self._add([pending.decode(errors="replace")] if pending else [], closed=True)

    def _add(self, texts, closed=False):
        now = time.time()
        with self._cond:
            self.lines += [(now, text) for text in texts]
            self.closed = closed
            self._cond.notify_all()
        if self._log:
            for text in texts:
                self._log.write(f"{now:.3f} {text}\n")
            self._log.flush()

    def wait(self, regex, start, timeout, alive=lambda: True):
        """Waits for the first line from index @start on that matches: (index, match)."""
        deadline = time.monotonic() + timeout
        with self._cond:
            while True:
                for index in range(start, len(self.lines)):
                    match = re.search(regex, self.lines[index][1])
                    if match:
                        return index, match
                start = max(start, len(self.lines))
                if not alive():
                    # the last lines may still be on their way; closed comes after them
                    deadline = min(deadline, time.monotonic() + LAST_LINES_SECONDS)
                left = deadline - time.monotonic()
                if left <= 0 or self.closed:
                    last = "\n".join(text for _, text in self.lines[-15:])
                    raise MachineError(f"no line matched {regex!r} within {timeout} s"
                                       f"{' (closed)' if self.closed else ''}; last lines:\n{last}")
                self._cond.wait(min(left, 1))


class Machine:
    """@devices: list of QEMU's arguments for the machine's devices, except its channels.

    @clock: one of CLOCKS; KVM has the host's only.
    @cpus: RACING_CPUS, or 1: the emulator is no faster with two, and sometimes loses an interrupt of the
    second one, so that a boot hangs.
    @emulator: the first words of QEMU's command line (emulator.py)."""

    def __init__(self, directory, devices, kernel, initrd, kvm=False, append="",
                 memory=topology.MEMORY_MIB, clock="host", emulator=INSTALLED, cpus=1):
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self._devices = devices
        self._kernel, self._initrd = kernel, initrd
        self._kvm = kvm
        self._append = append
        self._memory = memory
        self._emulator = emulator
        self._accel, allows_more, self._patience = CLOCKS[clock]
        self._cpus = cpus if allows_more else 1
        self._ids = itertools.count(1)
        self._process = None
        self._sockets = []
        self._boots_seen = 0
        self.boot_id = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *exc):
        self.close()

    def _channel(self, name):
        """Makes a socket pair: it has no path, so no limit on its length, and nothing to clean up."""
        ours, theirs = socket.socketpair()
        self._sockets.append(ours)
        return ours, theirs, ["-chardev", f"socket,id={name},fd={theirs.fileno()}"]

    def _command(self, chardevs):
        accel = (["-accel", "kvm", "-cpu", "host"] if self._kvm else
                 [*self._accel, "-cpu", "max"])
        traces = [arg for event in Trace.QUIET for arg in ("-trace", event)]
        # setpriv: the machine ends with the test run, even if that is killed
        return ["setpriv", "--pdeathsig", "KILL",
                *self._emulator, "-machine", "q35,usb=off,vmport=off", *accel,
                "-smp", str(self._cpus), "-m", str(self._memory),
                "-nodefaults", "-display", "none", "-nic", "none",
                "-msg", "timestamp=on", *traces, *chardevs,
                "-mon", "chardev=qmp,mode=control", "-serial", "chardev:console",
                "-device", "virtio-serial-pci,addr=1e.0",
                "-device", f"virtserialport,chardev=agent,name={topology.AGENT_PORT}",
                "-kernel", str(self._kernel), "-initrd", str(self._initrd),
                "-append", f"{KERNEL_ARGUMENTS} {self._append}",
                *self._devices]

    def start(self):
        ends, chardevs = {}, []
        for name in ("qmp", "console", "agent"):
            ours, theirs, args = self._channel(name)
            ends[name] = (ours, theirs)
            chardevs += args
        self._process = subprocess.Popen(
            self._command(chardevs), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, pass_fds=[theirs.fileno() for _, theirs in ends.values()])
        for _, theirs in ends.values():
            theirs.close()
        self.trace = Trace(self._process.stderr)
        self._console_log = open(self.directory / "console.log", "a", encoding="utf-8")
        self.console = LineReader(ends["console"][0], self._console_log)
        self._agent_socket = ends["agent"][0]
        self._agent = LineReader(self._agent_socket)
        self._qmp_socket = ends["qmp"][0]
        self._qmp = LineReader(self._qmp_socket)
        self._qmp.wait(r'"QMP"', 0, 30, self.is_running)
        self.qmp("qmp_capabilities")

    def is_running(self):
        return self._process.poll() is None

    def close(self):
        if self._process:
            if self.is_running():
                self._process.kill()
            self._process.wait(30)
            self.trace.join(10)
            (self.directory / "qemu.log").write_text("\n".join(self.trace.other) + "\n")
        for sock in self._sockets:
            sock.close()
        self._sockets.clear()

    def qmp(self, command, **arguments):
        request_id = f"r{next(self._ids)}"
        request = {"execute": command, "arguments": arguments, "id": request_id}
        start = len(self._qmp.lines)
        self._qmp_socket.sendall(json.dumps(request).encode() + b"\n")
        index, _ = self._qmp.wait(f'"id": "{request_id}"', start, 30, self.is_running)
        answer = json.loads(self._qmp.lines[index][1])
        if "error" in answer:
            raise MachineError(f"QMP {command}: {answer['error']}")
        return answer["return"]

    def migrate(self, command, uri):
        """@command: migrate or migrate-incoming. Returns when the whole state was written to @uri, or
        read from there."""
        self.qmp("migrate-set-capabilities", capabilities=[{"capability": "events", "state": True}])
        start = len(self._qmp.lines)
        self.qmp(command, uri=uri)
        _, match = self._qmp.wait('"event": "MIGRATION".*"status": "(completed|failed)"', start,
                                  STATE_SECONDS * self._patience, self.is_running)
        if match[1] != "completed":
            raise MachineError(f"QMP {command} {uri}: {match[1]}")

    def trace_registers(self, enable):
        self.qmp("trace-event-set-state", name=Trace.NOISY, enable=enable)

    def wait_boot(self, timeout=BOOT_SECONDS):
        """Waits until the next boot answers; returns its boot id, which is then in boot_id, too.

        Resets the machine once if the boot hangs: the emulator loses interrupts, but what a shutdown has
        left on the disks makes the second boot hang as well. A boot that still prints is slow, as on a busy
        host, and gets twice the time."""
        try:
            return self._wait_ready(timeout)
        except MachineError as error:
            if not self.is_running():
                raise
            if time.time() - self.console.lines[-1][0] < SILENT_SECONDS:
                return self._wait_ready(2 * timeout)
            self._reset(str(error))
        return self._wait_ready(timeout)

    def _wait_ready(self, timeout):
        seen = start = len(self.console.lines)

        def is_booting():
            nonlocal seen
            lines = self.console.lines[seen:]
            seen += len(lines)
            if any(TIMER_HAS_STOPPED in text for _, text in lines):
                self._reset(TIMER_HAS_STOPPED)
            return self.is_running()

        try:
            index, match = self._agent.wait(r"^ready (\S+)", self._boots_seen, timeout * self._patience,
                                            is_booting)
        except MachineError as error:
            lines = self.console.lines[start:][-CONSOLE_LINES:]
            raise MachineError("the machine did not boot; last lines of the console:\n" +
                               "\n".join(f"{when:.1f} {text}" for when, text in lines)) from error
        self._boots_seen = index + 1
        # as journalctl -b takes it
        self.boot_id = match[1].replace("-", "")
        return self.boot_id

    def _reset(self, why):
        # pytest lists warnings at its end
        warnings.warn(f"{self.directory.name}: resetting the machine: {why}")
        self._console_log.write("resetting the machine\n")
        self.qmp("system_reset")

    def post(self, script):
        """Runs @script by bash as root in the guest; does not wait for an answer."""
        request_id = f"c{next(self._ids)}"
        line = f"{request_id} {base64.b64encode(script.encode()).decode()}\n"
        self._agent_socket.sendall(line.encode())
        return request_id

    def run(self, script, timeout=COMMAND_SECONDS):
        """Runs @script by bash as root in the guest; returns (exit status, output)."""
        start = len(self._agent.lines)
        request_id = self.post(script)
        try:
            _, match = self._agent.wait(rf"^{request_id} (\d+) ?(\S*)$", start,
                                        timeout * self._patience, self.is_running)
        except MachineError as error:
            raise MachineError(f"the guest did not answer to: {script}\n{error}") from error
        return int(match[1]), base64.b64decode(match[2]).decode(errors="replace")

    def check(self, script, timeout=COMMAND_SECONDS):
        """Runs @script with `set -e`; returns its output. MachineError: it failed."""
        status, output = self.run(f"set -euo pipefail\n{script}", timeout)
        if status != 0:
            raise MachineError(f"exit status {status} of: {script}\n{output}")
        return output

    def wait_console(self, regex, start=0, timeout=BOOT_SECONDS):
        """Waits for the first console line from index @start on that matches: (index, match)."""
        return self.console.wait(regex, start, timeout * self._patience, self.is_running)

    def wait_exit(self, timeout=SHUTDOWN_SECONDS):
        """Waits until the guest has switched itself off: QEMU ends."""
        try:
            self._process.wait(timeout * self._patience)
        except subprocess.TimeoutExpired:
            raise MachineError(f"the machine is still on after {timeout} s") from None
        self.trace.join(10)
