# SPDX-License-Identifier: LGPL-2.1-or-later
"""The machine that the tests share, and its shutdowns.

Each scenario ends with a running machine, so that scenarios can follow in any
order. Its evidence is kept, so that many tests can read it.
"""

import time
from contextlib import contextmanager
from pathlib import Path

import evidence
import in_use
from machine import RACING_CPUS, MachineError

DROP_IN = "/etc/nvme-async-shutdown.conf.d/90-vm.conf"
PROGRAM = "/usr/libexec/nvme-async-shutdown-stage"
HOOK = "/lib/systemd/system-shutdown/nvme-async-shutdown.shutdown"
# The ending tells the program that it is the hook.
REAL_HOOK = "/usr/local/lib/real.shutdown"
STANDING_DOWN = Path(__file__).with_name("standing-down.shutdown")
UNIT = "nvme-async-shutdown.service"
# The stage unit of the only action that needs one in a scenario.
STAGE_UNIT = "nvme-async-shutdown-reboot.service"

ENABLED = {"Enabled": "yes"}
FAILING = "#!/bin/sh\nexit 1\n"
HANGING = "#!/bin/sh\ntrap '' TERM\nwhile :; do sleep 1000; done\n"
# A worker that opens this fifo for writing waits for a reader, and there is none.
BLOCK_UNBIND = """
mkfifo /run/no-reader
mount --bind /run/no-reader /sys/bus/pci/drivers/nvme/unbind
"""

# The same for the unit stage: an earlier mount would be gone by then. "+" because the unit itself may not
# mount anything.
BLOCK_UNBIND_IN_UNIT = """
mkdir -p /run/systemd/system/UNIT.d
cat >/run/systemd/system/UNIT.d/block.conf <<'EOF'
[Service]
ExecStartPre=+mkfifo /run/no-reader
ExecStartPre=+mount --bind /run/no-reader /sys/bus/pci/drivers/nvme/unbind
EOF
systemctl daemon-reload
""".replace("UNIT", STAGE_UNIT)


def configure(machine, **keys):
    """Configures the running machine, and brings it to the state that a boot with that would have."""
    text = "[Shutdown]\n" + "".join(f"{key}={value}\n" for key, value in keys.items())
    machine.check(f"mkdir -p $(dirname {DROP_IN})\ncat >{DROP_IN} <<'EOF'\n{text}EOF\n"
                  f"{evidence.LOOK_AGAIN}")


class Lab:
    def __init__(self, images, directory, build, say=print):
        self._images = images
        self._directory = directory
        self._say = say
        self._results = {}
        self._machine = None
        self._disks = images.fresh_disks(directory, build)
        self._first = True

    @property
    def machine(self):
        """The running machine; boots it if it is off or if a scenario has broken it."""
        if self._machine is None or not self._machine.is_running():
            self._boot()
        return self._machine

    def _boot(self):
        self.close()
        self._say("booting the test machine")
        self._machine = self._images.machine(self._directory, self._disks, cpus=RACING_CPUS)
        self._machine.start()
        self._machine.wait_boot()
        if self._first:
            self.configure(**ENABLED)
            self._machine.check(f"systemctl enable -q {UNIT}")
            self._first = False

    def close(self):
        if self._machine:
            self._machine.close()
            self._machine = None

    def configure(self, **keys):
        configure(self.machine, **keys)

    @contextmanager
    def configured(self, **keys):
        self.configure(**keys)
        yield
        self.configure(**ENABLED)

    @contextmanager
    def _replaced(self, path, script, aside):
        """Puts @script at @path for a while, and the original file at @aside."""
        self.machine.check(f"mkdir -p $(dirname {aside})\nmv {path} {aside}\n"
                           f"cat >{path} <<'EOF'\n{script}EOF\nchmod 755 {path}")
        yield
        self.machine.check(f"mv {aside} {path}")

    def _shut_down(self, command, off=False):
        shutdown = evidence.begin(self.machine)
        evidence.watch(self.machine, shutdown, command, off)
        evidence.look_back(self.machine, shutdown)
        return shutdown

    def _scenario(self, name):
        if name == "reboot":
            return self._shut_down("systemctl reboot")
        if name == "forced":
            return self._shut_down("systemctl reboot -f")
        if name == "poweroff":
            return self._shut_down("systemctl poweroff", off=True)
        if name == "disabled":
            with self.configured(Enabled="no"):
                return self._shut_down("systemctl reboot")
        if name == "single":
            # besides the root's drive, which stays
            with self.configured(**ENABLED, Include="ROOT RAW", Overlap="yes"):
                return self._shut_down("systemctl reboot")
        if name == "standing-down":
            with self._replaced(HOOK, STANDING_DOWN.read_text(), REAL_HOOK):
                return self._shut_down("systemctl reboot -f")
        if name == "failing":
            with self._replaced(PROGRAM, FAILING, PROGRAM + ".real"):
                return self._shut_down("systemctl reboot")
        if name == "hanging":
            with self._replaced(PROGRAM, HANGING, PROGRAM + ".real"):
                return self._shut_down("systemctl reboot -f")
        if name == "stuck":
            with self.configured(**ENABLED, TimeoutSec=5):
                self.machine.check(BLOCK_UNBIND)
                return self._shut_down("systemctl reboot -f")
        if name == "late":
            with self.configured(**ENABLED, TimeoutSec=5):
                self.machine.check(BLOCK_UNBIND_IN_UNIT)
                return self._shut_down("systemctl reboot")
        if name == "in-use":
            in_use.set_up(self.machine, self._images, evidence.inventory(self.machine))
            shutdown = self._shut_down("systemctl reboot")
            in_use.look_back(self.machine, shutdown, evidence.inventory(self.machine))
            return shutdown
        raise ValueError(name)

    def result(self, name):
        """Returns the evidence of the scenario, which runs at the first request for it."""
        if name not in self._results:
            self._say(f"shutting down: {name}")
            started = time.monotonic()
            try:
                self._results[name] = self._scenario(name)
                self._keep_timeline(name)
            except MachineError as error:
                # every test that asks gets the error; the next scenario starts from a new boot
                self._results[name] = error
                self.close()
            self._say(f"{name}: {time.monotonic() - started:.0f} s")
        if isinstance(self._results[name], MachineError):
            raise self._results[name]
        return self._results[name]

    def _keep_timeline(self, name):
        text = "\n".join(evidence.timeline(self._results[name]))
        (self._machine.directory / f"timeline-{name}.txt").write_text(text + "\n")
