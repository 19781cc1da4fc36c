# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tests the output of `plan` on a live machine, and that it changes nothing."""

import json

import pytest

import evidence
import topology

# Nothing is unmounted yet: only drives without any use would go.
FREE_NOW = frozenset({"IDLE1", "IDLE2", "IDLE3", "RAW"})


def controllers_in(node):
    """Yields all objects with a serial number, at any depth of the tree."""
    if isinstance(node, dict):
        if node.get("serial"):
            yield node
        node = list(node.values())
    if isinstance(node, list):
        for child in node:
            yield from controllers_in(child)


@pytest.fixture(scope="module")
def plan(lab):
    text = lab.machine.check("nvme-async-shutdown plan --json 2>/dev/null")
    return {ctrl["serial"]: ctrl for ctrl in controllers_in(json.loads(text))}


def test_plan_has_every_controller(plan):
    assert set(plan) == topology.ALL


def test_plan_names_them_as_the_kernel_does(plan, lab):
    for serial, found in evidence.inventory(lab.machine).items():
        assert (plan[serial]["name"], plan[serial]["address"]) == (found.name, found.address)


def test_plan_would_detach_idle_drives_now(plan):
    assert {serial for serial, ctrl in plan.items() if ctrl["action"] == "detach"} == FREE_NOW


@pytest.mark.parametrize("serial, words", [
    ("ROOT", "mounted on /"), ("EXT4", "mounted on /srv/ext4"),
    ("BUSY", "mounted on /srv/busy"), ("SWAP", "swap"),
    ("LVM", "dm-"), ("MDA", "md"), ("MDB", "md"),
])
def test_plan_gives_the_reason_for_each_that_stays(plan, serial, words):
    assert words in plan[serial]["reason"]


def test_plan_for_people_shows_the_switch_and_all_controllers(lab):
    text = lab.machine.check("nvme-async-shutdown plan")
    for serial, found in evidence.inventory(lab.machine).items():
        line = next(line for line in text.splitlines() if serial in line.split())
        assert found.name in line
    # the upstream port of the switch, above its controllers
    bridge = lab.machine.check("basename $(dirname $(dirname $(readlink -f "
                               "/sys/bus/pci/devices/"
                               f"{evidence.inventory(lab.machine)['MDA'].address})))").strip()
    assert bridge in text


def test_plan_changes_nothing(lab):
    machine = lab.machine
    before, first = evidence.inventory(machine), len(machine.trace.events)
    machine.check("nvme-async-shutdown plan && nvme-async-shutdown plan --json")
    assert evidence.inventory(machine) == before
    assert [e for e in machine.trace.events[first:] if e.kind == "shutdown_set"] == []


def test_config_shows_effective_values(lab):
    with lab.configured(Enabled="yes", TimeoutSec=17):
        text = lab.machine.check("nvme-async-shutdown config")
    assert "17" in text
    assert "90-vm.conf" in text
