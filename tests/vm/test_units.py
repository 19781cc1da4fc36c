# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tests the effect of the units' options on a live machine."""

import json

import pytest

import topology
from lab import STAGE_UNIT

# The same unit at another time, with another program, which reports its environment and rights.
ELSEWHERE = r"""
set -e
cat >/run/where.sh <<'EOF'
%s
EOF
unit=$(systemctl show -P FragmentPath nvme-async-shutdown-reboot.service)
sed -e '/^ExecStart=/d' -e '/^After=/d' -e '/^Before=/d' -e '/^Condition/d' \
        -e '/^RefuseManualStart=/d' \
        -e 's|^Type=oneshot|&\nStandardOutput=truncate:/run/where\nExecStart=/bin/sh /run/where.sh|' \
        "$unit" >/run/systemd/system/where.service
systemctl daemon-reload
systemctl start where.service
rm /run/systemd/system/where.service /run/where.sh
cat /run/where
"""


def run_as_stage_unit(lab, command):
    return lab.machine.check(ELSEWHERE.replace("%s", command)).splitlines()


def test_stage_unit_has_no_namespace_of_its_own(lab):
    # a mount namespace would keep file systems busy that must be unmounted later
    ours = run_as_stage_unit(lab, "readlink /proc/self/ns/mnt /proc/self/ns/net /proc/self/ns/uts")
    assert ours == lab.machine.check(
        "readlink /proc/1/ns/mnt /proc/1/ns/net /proc/1/ns/uts").splitlines()
    assert len(ours) == 3


def test_stage_unit_can_open_the_devices_it_needs_and_no_other(lab):
    # reading a namespace, reading and writing the kernel's log, writing to the console; /dev/vda is no NVMe
    said = run_as_stage_unit(lab, "; ".join(
        f"(: {redirection}) 2>/dev/null && echo yes || echo no"
        for redirection in ("</dev/nvme1n1", ">>/dev/nvme1n1", ">>/dev/kmsg", "</dev/kmsg",
                            ">>/dev/console", "</dev/mem", "</dev/nvme1")))
    assert said == ["yes", "no", "yes", "yes", "yes", "no", "no"]


def test_stage_unit_sees_open_files_of_all_users(lab):
    denied = run_as_stage_unit(
        lab, "ls -l /proc/[0-9]*/fd 2>&1 >/dev/null | grep -c Permission; true")
    assert denied == ["0"]


def test_stage_unit_can_write_to_sysfs(lab):
    said = run_as_stage_unit(lab, "test -w /sys/bus/pci/drivers/nvme/unbind && "
                                  "cat /sys/kernel/rcu_expedited >/run/rcu && "
                                  "cat /run/rcu >/sys/kernel/rcu_expedited && echo yes")
    assert said == ["yes"]


def test_boot_unit_reads_every_drive(lab):
    # the unit's device list and filter must admit the SMART log
    lab.machine.check("systemctl enable -q nvme-async-shutdown.service\n"
                      "rm -f /var/lib/nvme-async-shutdown/drives\n"
                      "systemctl restart nvme-async-shutdown.service")
    drives = json.loads(lab.machine.check("cat /var/lib/nvme-async-shutdown/drives"))["drives"]
    assert set(drives) == topology.ALL


def starts(lab):
    """Whether systemd would start the stage unit, by its conditions."""
    return lab.machine.run(f"systemd-analyze condition --unit={STAGE_UNIT}")[0] == 0


@pytest.mark.parametrize("keys, expected", [
    ({"Enabled": "yes"}, True),
    ({"Enabled": "no"}, False),
    # the root's drive stays, so with ROOT and RAW there is one
    ({"Enabled": "yes", "Include": "ROOT RAW"}, False),
    ({"Enabled": "yes", "Include": "ROOT RAW IDLE1"}, True),
    ({"Enabled": "yes", "Include": "ROOT RAW", "Overlap": "yes"}, True),
    ({"Enabled": "yes", "Include": "ROOT RAW", "MinControllers": "1"}, True),
    ({"Enabled": "yes", "Include": "ROOT", "MinControllers": "1"}, False),
])
def test_a_stage_unit_starts_only_if_it_has_work(lab, keys, expected):
    with lab.configured(**keys):
        assert starts(lab) == expected


def test_a_stage_unit_starts_for_a_controller_that_is_new(lab):
    with lab.configured(Enabled="yes", Include="ROOT RAW"):
        assert not starts(lab)
        link = lab.machine.check("readlink /run/nvme-async-shutdown/new-controller").strip()
        assert link == f"../../sys/class/nvme/nvme{len(topology.ALL)}"
        # no controller is added here: one that exists stands for it
        lab.machine.check("ln -sfn ../../sys/class/nvme/nvme0 /run/nvme-async-shutdown/new-controller")
        assert starts(lab)
