# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tests that a drive in use stays, however hard its user is to find, and that only root's entries count.

test_shutdown.py tests this shutdown, too, for the properties of every shutdown (data, file systems, one
notification each), and the others for the detaching of idle drives.
"""

import re

import pytest

import in_use
import topology
from evidence import held_by_udevd


@pytest.fixture
def run(lab):
    return lab.result("in-use")


def acknowledged(run, name):
    """Returns (position, number) of each line that the holder has written."""
    return [(position, int(match[1])) for position, event in enumerate(run.events)
            if event.kind == "line"
            and (match := re.search(rf"vm-test: holder {name} wrote (\d+)$", event.text))]


def test_the_unit_stage_takes_the_others_and_none_that_is_in_use(run):
    assert run.notified_in("unit") == \
        topology.FREE_IN_UNIT_STAGE - in_use.USED - held_by_udevd(run.journal)


def test_the_hook_takes_drives_that_are_free_by_then(run):
    later = held_by_udevd(run.journal)
    assert run.notified_in("hook") == topology.HELD_BY_STACK | in_use.FREE_IN_HOOK | later


def test_the_record_matches_the_trace(run):
    assert set(run.entries("detached")) == run.notified_in("unit")
    hook = {serial for serial, words in run.hook_lines().items() if words["outcome"] == "detached"}
    assert hook == run.notified_in("hook")


@pytest.mark.parametrize("name", in_use.SCOPES)
def test_a_scope_can_write_until_it_is_ended(run, name):
    assert run.lines(f"vm-test: holder {name} failed") == []
    # even after the unit stage has begun to take the others
    began = min(position for position, event in enumerate(run.events) if event.kind == "shn")
    assert any(position > began for position, _ in acknowledged(run, name))


@pytest.mark.parametrize("name", in_use.SCOPES)
def test_data_written_in_a_scope_are_there_after(run, name):
    n, state = run.lines_after[name]
    assert state == "whole"
    assert n >= acknowledged(run, name)[-1][1] > 0


@pytest.mark.parametrize("serial, words", [
    ("IDLE1", "claim"), ("IDLE2", " is held by loop0"), ("IDLE3", "read or written"),
    ("RAW", "is open in "),
])
def test_the_journal_gives_the_reason(run, serial, words):
    assert words in run.entries("left")[serial]["NVME_REASON"]


@pytest.mark.parametrize("serial, words", [("IDLE3", "read or written"), ("RAW", "is open in ")])
def test_the_console_gives_the_reason_of_those_that_the_hook_leaves(run, serial, words):
    assert words in run.hook_lines()[serial]["text"]


def test_the_process_that_holds_raw_was_spared(run):
    # otherwise its drive would be free in the hook, and prove nothing
    assert run.lines(r"Process \d+ \(sleep\) has been marked to be excluded from killing")


def test_entries_of_another_user_are_in_no_report(run):
    assert [entry["MESSAGE_ID"] for entry in run.forged] == \
        [in_use.MESSAGE_IDS[kind] for kind in ("controller", "controller", "summary")]
    assert {entry["_UID"] for entry in run.forged} != {"0"}
    controllers = {c["serial"]: c for c in run.report["controllers"]}
    assert set(controllers) == topology.ALL, "FORGED is not one of them"
    assert controllers["ROOT"]["outcome"] == "left"
    assert run.report["totals"]["serial_usec"] < in_use.FORGED_USEC
    assert run.report["totals"]["detached"] == len(run.entries("detached"))
