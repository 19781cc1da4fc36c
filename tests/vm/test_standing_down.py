# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tests that a stage that stands down touches nothing, and that a broken hook breaks nothing."""

import re

import pytest

import evidence
import topology
from lab import PROGRAM, STAGE_UNIT

CASES = ("disabled", "container", "unknown-action", "one-eligible")
# Starting a program that does nothing takes a machine with NVMe drives 2 ms at most, so this is 20 ms.
COST_MAX = 10
LIVE_RUNS = (f"{PROGRAM} unit reboot", f"{PROGRAM} hook reboot", f"{PROGRAM} exitrd reboot",
             f"systemctl start {STAGE_UNIT}")


def least_cpu(shutdown, name):
    """Returns the CPU time of that case's cheapest run."""
    return min(float(user) + float(system) for user, system in re.findall(
        rf"(?:end|again) case={name} user=(\S+) system=(\S+)", "\n".join(shutdown.lines("vm-test: "))))


class Case:
    """One call of the real hook by standing-down.shutdown, from the console."""

    def __init__(self, shutdown, name):
        begin = shutdown.index(rf"vm-test: begin case={name}$")
        end = shutdown.index(rf"vm-test: end case={name} ", begin)
        self.status = int(re.search(r"status=(\d+)", shutdown.events[end].text)[1])
        self.cpu = least_cpu(shutdown, name)
        between = shutdown.events[begin + 1:end]
        self.lines = [event.text for event in between
                      if event.kind == "line" and "nvme-async-shutdown" in event.text]
        self.touched = [event for event in between if event.kind != "line"]


@pytest.fixture(params=CASES)
def case(request, lab):
    return Case(lab.result("standing-down"), request.param)


def test_nothing_is_shut_down_or_flushed(case):
    assert case.touched == []


def test_hook_exits_with_0(case):
    assert case.status == 0


def test_hook_gives_the_reason_in_one_line(case):
    assert len(case.lines) == 1


@pytest.mark.parametrize("name, words", [
    ("disabled", "Enabled=no"), ("container", "container"),
    ("unknown-action", "frobnicate"), ("one-eligible", "MinControllers"),
])
def test_the_line_names_the_reason(lab, name, words):
    assert words in Case(lab.result("standing-down"), name).lines[0]


def test_hook_takes_little_cpu_time(case, lab):
    nothing = least_cpu(lab.result("standing-down"), "nothing")
    assert case.cpu <= COST_MAX * nothing, f"{case.cpu} s, and {nothing} s for a program that does nothing"


def test_standing_down_leaves_all_to_the_kernel(lab):
    assert lab.result("standing-down").notified_in("kernel") == topology.ALL


def test_disabled_leaves_all_to_the_kernel(lab):
    assert lab.result("disabled").notified_in("kernel") == topology.ALL


def test_disabled_starts_no_stage_unit(lab):
    said = lab.machine.check(f"journalctl -b {lab.result('disabled').boot_id} -o cat --no-pager -q "
                             f"UNIT={STAGE_UNIT}")
    assert "ConditionPathExists=!/run/nvme-async-shutdown/skip-unit-reboot" in said
    assert "Starting" not in said


def test_disabled_logs_no_controller(lab):
    disabled = lab.result("disabled")
    assert disabled.entries() == {}
    assert disabled.hook_lines() == {}


@pytest.mark.parametrize("command", LIVE_RUNS)
def test_no_stage_runs_on_a_machine_that_is_not_shutting_down(lab, command):
    machine = lab.machine
    before = evidence.inventory(machine)
    first = len(machine.trace.events)
    machine.run(command)
    assert evidence.inventory(machine) == before
    assert [e for e in machine.trace.events[first:] if e.kind == "shutdown_set"] == []


def test_a_failing_program_does_not_stop_the_reboot(lab):
    assert lab.result("failing").notified_in("kernel") == topology.ALL


def test_a_hanging_hook_does_not_stop_the_reboot(lab):
    hanging = lab.result("hanging")
    assert hanging.notified_in("kernel") == topology.ALL
    # it did hang: systemd-shutdown waited the whole 90 s, and went on
    assert 85 < hanging.seconds < 140


def test_stuck_workers_are_abandoned_at_the_deadline(lab):
    stuck = lab.result("stuck")
    assert stuck.notified_in("kernel") == topology.ALL
    # TimeoutSec=5, and the time for killing and unmounting
    assert 4 < stuck.seconds < 40


def test_stuck_workers_are_reported(lab):
    outcomes = {serial: words["outcome"]
                for serial, words in lab.result("stuck").hook_lines().items()}
    for serial in topology.ALL - topology.HELD_TO_THE_END:
        assert outcomes[serial] in ("late", "failed")


def test_no_saved_time_is_reported_if_nothing_went_down(lab):
    summary = lab.result("stuck").hook_summary()
    assert (summary["detached"], summary["saved_usec"]) == ("0", "0")


def test_workers_late_in_the_unit_stage_are_reported(lab):
    late = lab.result("late")
    assert set(late.entries("late")) == topology.FREE_IN_UNIT_STAGE - evidence.held_by_udevd(late.journal)


def test_workers_late_in_the_unit_stage_do_not_hold_systemd_up(lab):
    late = lab.result("late")
    # Two stages of TimeoutSec=5. systemd-shutdown would wait 90 s for a worker that ignores SIGTERM, but
    # a worker is marked as one to be spared.
    assert 10 < late.seconds < 60
    assert late.lines(r"Process \d+ \(nvme\d+\) has been marked to be excluded from killing")


def test_late_workers_leave_all_to_the_kernel(lab):
    assert lab.result("late").notified_in("kernel") == topology.ALL
