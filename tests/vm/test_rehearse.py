# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tests `rehearse` on a live machine: idle controllers go through their shutdown and come back.

These controllers complete their handshake at once: the tests are about the choice of controllers, and about
the state afterwards.
"""

import json

import pytest

import evidence
from lab import BLOCK_UNBIND

IDLE = frozenset({"IDLE1", "IDLE2", "IDLE3", "RAW"})
REHEARSE = "nvme-async-shutdown rehearse --yes --json"

# Counts possible remains of a run: processes of its own, and zombies.
LEFT_BEHIND = "pgrep -cf '[n]vme-async-shutdown' || true; ps -eo stat= | grep -c ^Z || true"


def node(machine, serial):
    return f"/dev/{evidence.inventory(machine)[serial].name}n1"


def shut_down(machine, first):
    return [e for e in machine.trace.events[first:] if e.kind == "shutdown_set"]


def rehearse(machine):
    return json.loads(machine.check(f"{REHEARSE} 2>/run/rehearse.err"))


@pytest.fixture(scope="module")
def run(lab):
    """Returns (inventory before, printed object, inventory after, shutdowns in QEMU's trace)."""
    machine = lab.machine
    with lab.configured(Enabled="no"):
        before, first = evidence.inventory(machine), len(machine.trace.events)
        machine.check("udevadm settle\n"
                      "dd if=/dev/urandom of=/run/bytes bs=1M count=4 status=none\n"
                      f"dd if=/run/bytes of={node(machine, 'RAW')} bs=1M seek=8 conv=notrunc "
                      "status=none\n"
                      "udevadm settle")
        printed = rehearse(machine)
        return before, printed, evidence.inventory(machine), shut_down(machine, first)


def test_rehearse_takes_idle_drives_only(run):
    _, printed, _, _ = run
    detached = {c["serial"] for c in printed["controllers"] if c["outcome"] == "detached"}
    assert detached == IDLE
    assert all(c["reason"] for c in printed["controllers"] if c["outcome"] != "detached")


def test_rehearse_shuts_each_down_once(run):
    assert len(run[3]) == len(IDLE)


def test_rehearse_binds_all_again_under_their_old_names(run):
    before, printed, after, _ = run
    assert after == before
    for ctrl in printed["controllers"]:
        assert ctrl["rebind"] == ("done" if ctrl["serial"] in IDLE else "none")
        if ctrl["serial"] in IDLE:
            assert ctrl["new_name"] == ctrl["name"]
            assert ctrl["usec"] > 0 and ctrl["rebind_usec"] > 0 and ctrl["mend"] is None


def test_rehearse_adds_up(run):
    controllers, totals = run[1]["controllers"], run[1]["totals"]
    # without the time for which they waited for a processor
    assert 0 < totals["serial_usec"] <= sum(c["usec"] for c in controllers)
    assert totals["saved_usec"] == max(0, totals["serial_usec"] - totals["elapsed_usec"])
    assert totals["detached"] == len(IDLE)


def test_rehearse_loses_nothing(run, lab):
    lab.machine.check(f"dd if={node(lab.machine, 'RAW')} bs=1M skip=8 count=4 iflag=direct "
                      "status=none | cmp - /run/bytes")


def test_rehearse_again_and_again(run, lab):
    """When it returns the nodes are back, and no process has them open any more."""
    for _ in range(10):
        printed = rehearse(lab.machine)
        assert {c["serial"] for c in printed["controllers"] if c["rebind"] == "done"} == IDLE
    assert lab.machine.check(LEFT_BEHIND).split() == ["0", "0"]
    assert evidence.inventory(lab.machine) == run[0]


def test_rehearse_honours_exclude(run, lab):
    with lab.configured(Exclude="RAW", Flush="yes"):
        first = len(lab.machine.trace.events)
        printed = rehearse(lab.machine)
        assert len(shut_down(lab.machine, first)) == len(IDLE) - 1
    assert printed["totals"]["detached"] == len(IDLE) - 1


def test_rehearse_leaves_an_open_device(run, lab):
    printed = json.loads(lab.machine.check(
        f"exec 7<{node(lab.machine, 'IDLE1')}; {REHEARSE} 2>/dev/null"))
    left = {c["serial"]: c["reason"] for c in printed["controllers"] if c["outcome"] == "left"}
    assert "open" in left["IDLE1"]


def test_rehearse_asks_or_refuses(run, lab):
    first = len(lab.machine.trace.events)
    status, said = lab.machine.run("nvme-async-shutdown rehearse </dev/null 2>&1")
    assert status == 1 and "--yes" in said
    assert shut_down(lab.machine, first) == []


@pytest.mark.parametrize("answer, n", [("n", 0), ("", 0), ("yes", len(IDLE))])
def test_rehearse_takes_an_answer_from_a_terminal(run, lab, answer, n):
    first = len(lab.machine.trace.events)
    _, said = lab.machine.run(f"echo '{answer}' | script -qec 'nvme-async-shutdown rehearse' /dev/null")
    assert "Go on" in said
    assert len(shut_down(lab.machine, first)) == n


def test_rehearse_takes_nothing_that_has_changed_since_it_asked(run, lab):
    first = len(lab.machine.trace.events)
    said = lab.machine.check(
        "rm -f /run/answer; mkfifo /run/answer; : >/run/said\n"
        "script -qfc 'nvme-async-shutdown rehearse' /run/said <>/run/answer >/dev/null 2>&1 &\n"
        "for i in $(seq 300); do grep -q 'Go on' /run/said && break; sleep 0.1; done\n"
        # otherwise no process would read the answer
        "grep -q 'Go on' /run/said\n"
        f"exec 7<{node(lab.machine, 'IDLE3')}\n"
        "echo yes >/run/answer\n"
        "wait $! || true; cat /run/said")
    assert "what is idle has changed" in said
    assert shut_down(lab.machine, first) == []


def test_rehearse_told_to_stop_waits_for_unbinds_under_way(run, lab):
    """All workers block in the write to unbind, a full pipe, until the test reads it."""
    machine = lab.machine
    printed = json.loads(machine.check(
        f"{BLOCK_UNBIND}\nsleep 600 <>/run/no-reader & keeper=$!\n"
        "head -c 65536 /dev/zero >/run/no-reader\n"
        f"{REHEARSE} >/run/said 2>/run/err & pid=$!\n"
        "inside() { for p in $(pgrep -x 'nvme[0-9]+'); do cat /proc/$p/wchan; echo; done |"
        " grep -c pipe; }\n"
        f"for i in $(seq 300); do [ $(inside) = {len(IDLE)} ] && break; sleep 0.1; done\n"
        "kill -HUP $pid; kill -INT $pid\n"
        "for i in $(seq 300); do grep -q 'waiting for them' /run/err && break; sleep 0.1; done\n"
        "[ -d /proc/$pid ]\n"
        "timeout 60 cat /run/no-reader >/run/written & reader=$!\n"
        "until [ -s /run/written ]; do sleep 0.1; done\n"
        "kill $keeper; wait $reader\n"
        "status=0; wait $pid || status=$?; [ $status = 1 ]\n"
        "umount /sys/bus/pci/drivers/nvme/unbind\n"
        "cat /run/said"))
    assert printed["totals"]["interrupted"]
    for ctrl in printed["controllers"]:
        if ctrl["serial"] in IDLE:
            assert (ctrl["outcome"], ctrl["rebind"]) == ("late", "done")
    assert evidence.inventory(machine) == run[0]


def test_rehearse_prints_the_remedy_for_a_failed_bind(run, lab):
    """The bind fails, because driver_override reserves the device for another driver."""
    status, said = lab.machine.run(
        "set -e\n"
        f"address={run[0]['IDLE2'].address}\n"
        "echo vfio-pci >/sys/bus/pci/devices/$address/driver_override\n"
        "nvme-async-shutdown rehearse --yes 2>&1 && exit 3\n"
        "echo >/sys/bus/pci/devices/$address/driver_override\n"
        "echo $address >/sys/bus/pci/drivers/nvme/bind\n"
        "udevadm settle")
    assert status == 0, said
    assert "is not back" in said
    assert "> /sys/bus/pci/drivers/nvme/bind" in said
    # The controllers exchanged names: the output lists that, and nothing else has changed.
    assert "is now nvme" in said
    assert ({serial: found.address for serial, found in evidence.inventory(lab.machine).items()}
            == {serial: found.address for serial, found in run[0].items()})
