# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tests which stage takes each controller at a real shutdown, and that nothing is lost."""

import re

import pytest

import topology
from evidence import held_by_udevd

ENABLED_RUNS = ("reboot", "forced", "poweroff")
ALL_RUNS = (*ENABLED_RUNS, "disabled", "standing-down", "failing", "hanging", "stuck", "late",
            "in-use")
UNIT_RUNS = ("reboot", "poweroff")

LEFT_BY_UNIT = topology.HELD_TO_THE_END | topology.HELD_BY_STACK


@pytest.fixture(params=ALL_RUNS)
def any_run(request, lab):
    return lab.result(request.param)


@pytest.fixture(params=ENABLED_RUNS)
def enabled_run(request, lab):
    return lab.result(request.param)


@pytest.fixture(params=UNIT_RUNS)
def unit_run(request, lab):
    return lab.result(request.param)


# tests of every shutdown, even if the project is disabled or fails

def test_every_controller_is_notified_exactly_once(any_run):
    notified = [serial for serial, _, _ in any_run.notifications()]
    assert sorted(notified) == sorted(topology.ALL)


def test_no_notification_escaped_the_register_trace(any_run):
    seen = sum(event.kind == "shutdown_set" for event in any_run.events)
    assert seen == len(any_run.notifications())


def test_every_notification_is_a_normal_one(any_run):
    assert {value for _, _, value in any_run.notifications()} == {1}


def test_no_controller_is_notified_while_file_systems_are_torn_down(any_run):
    assert any_run.notified_in("teardown") == set()


def test_data_written_before_is_there_after(any_run):
    assert any_run.digests_after == any_run.digests_before


def test_file_systems_are_consistent_after(any_run):
    assert any_run.damaged == set()


def test_no_recovery_that_is_not_needed_without_the_project(any_run, lab):
    assert any_run.recovered <= lab.result("disabled").recovered


# with the project enabled

def reasons(run):
    """Returns why the unit left what it left: serial -> reason."""
    return {serial: entry["NVME_REASON"] for serial, entry in run.entries("left").items()}


def test_idle_controllers_go_down_in_the_unit_stage(unit_run):
    free = topology.FREE_IN_UNIT_STAGE - held_by_udevd(unit_run.journal)
    assert unit_run.notified_in("unit") == free, reasons(unit_run)
    # not one of those that nothing has used
    assert {"IDLE1", "IDLE2", "IDLE3", "RAW"} <= free


def test_array_and_volume_members_go_down_in_the_hook(unit_run):
    assert unit_run.notified_in("hook") == topology.HELD_BY_STACK | held_by_udevd(unit_run.journal)


def test_without_the_unit_stage_the_hook_takes_all_that_is_free(lab):
    forced = lab.result("forced")
    assert forced.notified_in("unit") == set()
    assert forced.notified_in("hook") == topology.ALL - topology.HELD_TO_THE_END


def test_a_single_controller_goes_down_beside_the_rest_of_the_shutdown(lab):
    run = lab.result("single")
    assert set(run.entries("begun")) == {"RAW"}
    assert run.notified_in("kernel") == topology.ALL - {"RAW"}
    assert sorted(serial for serial, _, _ in run.notifications()) == sorted(topology.ALL)
    assert (run.digests_after, run.damaged) == (run.digests_before, set())


def _handshake(words):
    """Returns the times at which that worker's unbind began and ended."""
    begin = sum(int(words[part]) for part in ("started", "fork", "check", "fsync"))
    return begin, begin + int(words["usec"])


def test_controllers_go_down_at_the_same_time(enabled_run):
    # QEMU answers at once, and the driver notices 0.1 s later (since 6.2: 1 ms). An unbind takes 30 ms
    # at least, and all workers wait until each is ready to begin. tools/bench measures the time that
    # this saves.
    spans = sorted(_handshake(words) for words in enabled_run.hook_lines().values()
                   if words["outcome"] == "detached")
    assert len(spans) > 1
    for (_, end), (begin, _) in zip(spans, spans[1:]):
        assert begin < end


def test_every_controller_is_flushed_before_going_down(enabled_run):
    # an unbind drops the page cache, so each namespace needs an fsync
    assert enabled_run.unflushed() == set()


def test_root_and_busy_are_left_to_the_kernel(enabled_run):
    assert enabled_run.notified_in("kernel") == topology.HELD_TO_THE_END


def test_only_the_busy_file_system_needs_recovery(enabled_run):
    assert enabled_run.recovered == {topology.MOUNTED["BUSY"]}


def test_root_and_busy_are_flushed_by_the_hook(enabled_run):
    assert topology.HELD_TO_THE_END <= enabled_run.flushed_in("hook")


def test_without_the_project_root_is_not_flushed_at_that_time(lab):
    # otherwise the test above proves nothing; BUSY is written to until the end, and its file system may
    # flush at any time, so a test below checks the project's own message about it
    assert "ROOT" not in lab.result("disabled").flushed_in("hook")


# the journal about the unit stage

def test_journal_has_one_entry_for_each_controller(unit_run):
    serials = [entry["NVME_SERIAL"] for entry in unit_run.journal if "NVME_SERIAL" in entry]
    assert sorted(serials) == sorted(topology.ALL)


def test_journal_outcomes_match_what_happened(unit_run):
    assert set(unit_run.entries("detached")) == unit_run.notified_in("unit")
    assert set(unit_run.entries("left")) == LEFT_BY_UNIT | held_by_udevd(unit_run.journal)


def test_journal_names_the_controllers_as_they_were(unit_run):
    told = {serial: (entry["NVME_CONTROLLER"], entry["NVME_PCI_ADDRESS"])
            for serial, entry in unit_run.entries().items()}
    assert told == {serial: (found.name, found.address)
                    for serial, found in unit_run.controllers.items()}


def test_journal_entries_belong_to_the_unit_stage_and_have_an_id(unit_run):
    for entry in unit_run.entries().values():
        assert entry["NVME_STAGE"] == "unit"
        assert len(entry["MESSAGE_ID"]) == 32


def test_journal_says_that_the_shutdown_was_verified_and_how_long_it_took(unit_run):
    for entry in unit_run.entries("detached").values():
        assert entry["NVME_VERIFIED"] == "yes"
        assert int(entry["NVME_SHUTDOWN_USEC"]) > 0


@pytest.mark.parametrize("serial, words", [
    ("ROOT", "mounted on /"), ("BUSY", "mounted on /srv/busy"),
    ("LVM", "dm-"), ("MDA", "md"), ("MDB", "md"),
])
def test_journal_gives_the_reason_for_each_that_is_left(unit_run, serial, words):
    assert words in unit_run.entries("left")[serial]["NVME_REASON"]


def test_journal_says_that_root_and_busy_were_flushed(unit_run):
    for serial in topology.HELD_TO_THE_END:
        assert unit_run.entries()[serial]["NVME_FLUSHED"] == "yes"


def test_journal_summary_adds_up(unit_run):
    summary, = [entry for entry in unit_run.journal if "SAVED_USEC" in entry]
    elapsed, serial, saved = (int(summary[key])
                              for key in ("ELAPSED_USEC", "SERIAL_USEC", "SAVED_USEC"))
    parts = [int(entry["NVME_SHUTDOWN_USEC"]) for entry in unit_run.entries("detached").values()]
    assert elapsed > 0
    # without the time they waited for a processor, and 25 ms more for each: record_totals()
    assert 0 < serial <= sum(parts) + len(parts) * 25_000
    assert saved == max(serial - elapsed, 0)


# the console about the hook

def test_console_has_one_line_for_each_controller_that_the_hook_saw(unit_run):
    assert set(unit_run.hook_lines()) == LEFT_BY_UNIT | held_by_udevd(unit_run.journal)


def test_console_has_one_line_for_each_controller_without_the_unit_stage(lab):
    assert set(lab.result("forced").hook_lines()) == topology.ALL


def test_console_outcomes_match_what_happened(enabled_run):
    outcomes = {serial: words["outcome"] for serial, words in enabled_run.hook_lines().items()}
    detached = {serial for serial, outcome in outcomes.items() if outcome == "detached"}
    left = {serial for serial, outcome in outcomes.items() if outcome == "left"}
    assert detached == enabled_run.notified_in("hook")
    assert left == topology.HELD_TO_THE_END


def test_console_says_that_the_shutdown_was_verified(enabled_run):
    for words in enabled_run.hook_lines().values():
        if words["outcome"] == "detached":
            assert words["verified"] == "yes"
            assert int(words["usec"]) > 0


def test_console_says_that_root_and_busy_were_flushed(enabled_run):
    for serial in topology.HELD_TO_THE_END:
        assert enabled_run.hook_lines()[serial]["flushed"] == "yes"


@pytest.mark.parametrize("serial, words", [
    # systemd 253 and later gives file systems that it can't unmount a random name
    ("ROOT", "mounted on /"), ("BUSY", r"mounted on /srv/busy|mounted, systemd-shutdown could not"),
])
def test_console_gives_the_reason_for_each_that_is_left(enabled_run, serial, words):
    assert re.search(words, enabled_run.hook_lines()[serial]["text"])


def test_console_summary_counts_the_lines(enabled_run):
    outcomes = [words["outcome"] for words in enabled_run.hook_lines().values()]
    summary = enabled_run.hook_summary()
    for outcome in ("detached", "left", "late", "failed", "vanished"):
        assert int(summary[outcome]) == outcomes.count(outcome), outcome
