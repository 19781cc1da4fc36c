# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tests drives with one port that have multipath heads nevertheless (nvme_core.multipath_always_on, Linux
7.1), and heads that would outlive their last path."""

import json
from contextlib import closing

import pytest

import vnvme

N = 8
LATENCY_MS = 500
# Longer than any of these shutdowns, that of the kernel alone included.
DELAY_SECONDS = 30
SECOND = 1_000_000
LOADED = "loaded"

DELAY = f"""
for delay in /sys/class/block/nvme*n1/delayed_removal_secs; do echo {DELAY_SECONDS} >$delay; done
[ "$(cat /sys/class/block/nvme*n1/delayed_removal_secs | grep -cx {DELAY_SECONDS})" = {N} ]
"""

# Data in the page cache of each head until its last close, and then in that of its drive.
WRITE = """
for head in /dev/nvme*n1; do dd if=/dev/urandom of=$head bs=64k count=16 status=none; done
"""

# An exitrd does this to find volumes.
READ_ALL = f"""
cat >{vnvme.HOOKS}/reader.shutdown <<'EOF'
#!/bin/sh
echo begin-read >/proc/vnvme
heads=0
for disk in /sys/class/block/nvme*n1; do
        [ -e "$disk" ] || continue
        heads=$((heads + 1))
        dd if=/dev/${{disk##*/}} of=/dev/null bs=4k count=1 iflag=direct 2>/dev/null
done
echo end-read >/proc/vnvme
echo "<30>vm-test: $heads heads were there" >/dev/kmsg
EOF
chmod 755 {vnvme.HOOKS}/reader.shutdown
"""

ENABLE = "printf '[Shutdown]\\nEnabled=yes\\n' >/etc/nvme-async-shutdown.conf\n"


class Heads:
    def __init__(self, machines):
        self._machines = machines
        self._reports = {}

    def load(self):
        """Saves the state from which all begin; returns False if its kernel has no such heads."""
        with closing(self._machines.start()) as machine:
            vnvme.load(machine, topology=f"{N}*R(N)", latency_us=LATENCY_MS * 1000)
            if machine.run("[ -e /sys/module/nvme_core/parameters/multipath_always_on ]")[0]:
                return False
            self._machines.keep(machine, LOADED)
        return True

    def start(self):
        return self._machines.start(LOADED)

    def shut_down(self, set_up, command):
        if (set_up, command) not in self._reports:
            with closing(self.start()) as machine:
                machine.check(ENABLE + WRITE + set_up)
                self._reports[set_up, command] = vnvme.shut_down(machine, command, 120)
        return self._reports[set_up, command]


@pytest.fixture(scope="module")
def heads(make_images):
    images, cache, build, say = make_images
    found = Heads(vnvme.Bench(images, cache / "run-heads", build, say,
                              "ignore_loglevel nvme_core.multipath_always_on=1", "virtual"))
    if not found.load():
        pytest.skip("this kernel gives no heads to drives with one port")
    return found


@pytest.fixture(params=["systemctl reboot", "systemctl reboot -f"])
def stage(request):
    """Returns (command, the stage that then takes all drives)."""
    return request.param, "hook" if request.param.endswith("-f") else "unit"


@pytest.fixture(params=["", DELAY], ids=["at-once", "delayed"])
def report(request, heads, stage):
    return heads.shut_down(request.param, stage[0])


def test_each_namespace_has_a_head_and_a_hidden_path(heads):
    with closing(heads.start()) as machine:
        counts = machine.check("ls -d /sys/devices/virtual/nvme-subsystem/*/nvme*n1 | wc -l\n"
                               "ls -d /sys/class/nvme/nvme*/nvme*c*n1 | wc -l\n"
                               "ls -d /sys/class/nvme/nvme*/nvme*n1 | wc -l\n")
    assert counts.split() == [str(N)] * 3


def test_all_go_at_the_same_time_and_in_the_stage(report, stage):
    begin, end = (report.mark(f"{which}-{stage[1]}") for which in ("begin", "end"))
    told = [report.of(i, "shn") for i in range(N)]
    assert all(len(times) == 1 and begin < times[0] < end for times in told)
    done = [report.of(i, "shst")[0] for i in range(N)]
    assert max(times[0] for times in told) < min(done)
    assert report.not_clean() == set()


def test_the_kernels_pass_has_nothing_left_to_do(report):
    assert report.kernel_usec <= SECOND // 4
    assert report.total_usec <= N * LATENCY_MS * 1000


def test_data_written_to_a_head_are_flushed(report):
    assert sum(c["dirty"] for c in report.controllers.values()) == 0


def test_who_reads_all_disks_afterwards_waits_for_no_head(heads):
    report = heads.shut_down(DELAY + READ_ALL, "systemctl reboot")
    assert any("vm-test: 0 heads were there" in text for text in report.console)
    assert report.span("read") < SECOND
    assert report.not_clean() == set()


def test_in_a_rehearsal_the_heads_stay_for_their_drives(heads):
    # a subsystem keeps the number of its removed controller as long as the head exists: the
    # controllers have new names afterwards, the namespaces have not
    with closing(heads.start()) as machine:
        machine.check(DELAY)
        list_heads = "ls -d /sys/devices/virtual/nvme-subsystem/*/nvme*n1"
        before = machine.check(list_heads)
        printed = json.loads(machine.check("nvme-async-shutdown rehearse --yes --json 2>/dev/null"))
        assert [c["rebind"] for c in printed["controllers"]] == ["done"] * N
        assert machine.check(list_heads) == before
        delays = machine.check("cat /sys/class/block/nvme*n1/delayed_removal_secs")
        assert delays.split() == [str(DELAY_SECONDS)] * N
        assert machine.check("dd if=/dev/nvme0n1 of=/dev/null bs=4k count=1 iflag=direct 2>&1")


def test_a_mounted_head_keeps_its_drive(heads):
    with closing(heads.start()) as machine:
        head = machine.check("ls /sys/class/block | grep -x 'nvme[0-9]*n1' | tail -n 1").strip()
        machine.check(f"mke2fs -q /dev/{head}\nmount /dev/{head} /mnt")
        plan = machine.check("nvme-async-shutdown plan --json")
    assert f"/dev/{head} is mounted on /mnt" in plan
    assert plan.count("is mounted on") == 1
