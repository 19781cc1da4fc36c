# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tests physical and virtual functions (SR-IOV) with QEMU's controllers.

Two physical functions, A and B, have two virtual ones each, in a machine without other NVMe controllers.
The nvme driver has all of them except B's second virtual function: that has no driver, as if it were
assigned to a guest. Of each subsystem's namespaces, one belongs to all of its controllers, and one to the
physical function only; one of A's belongs to its first virtual function only.
"""

import json
import shutil
import subprocess
from dataclasses import dataclass

import pytest

import evidence
from machine import Machine

NAMESPACES = {"shared": "", "private": "shared=off", "given": "detached=on"}
# The functions with a driver; B2 has none.
VIRTUAL = {"A": ("A1", "A2"), "B": ("B1",)}
ALL = frozenset(VIRTUAL) | {name for names in VIRTUAL.values() for name in names}
N_VIRTUAL = 2
PHASES = tuple(phase for phase in evidence.PHASES if phase[0] != "sync")

# A virtual function needs two queue pairs and an interrupt to go online; the driver can't use it
# before.
SET_UP = f"""
printf '[Shutdown]\\nEnabled=yes\\n' >/etc/nvme-async-shutdown.conf
for controller in /sys/class/nvme/*; do
        node=/dev/${{controller##*/}} device=$(realpath "$controller/device")
        echo 0 >"$device/sriov_drivers_autoprobe"
        echo {N_VIRTUAL} >"$device/sriov_numvfs"
        echo 1 >"$device/sriov_drivers_autoprobe"
        for id in $(seq {N_VIRTUAL}); do
                nvme virt-mgmt "$node" --cntlid="$id" --rt=0 --act=8 --nr=2
                nvme virt-mgmt "$node" --cntlid="$id" --rt=1 --act=8 --nr=1
                nvme virt-mgmt "$node" --cntlid="$id" --act=9
                [ "$(tr -d ' ' <"$controller/serial")$id" = B2 ] ||
                        basename "$(realpath "$device/virtfn$((id - 1))")" >/sys/bus/pci/drivers_probe
        done
        [ "$(tr -d ' ' <"$controller/serial")" = B ] || nvme attach-ns "$node" -n 3 -c 1
done
udevadm settle
"""

STATES = "cat /sys/class/nvme/*/state /sys/bus/pci/devices/*/sriov_numvfs"
# The namespaces of each controller, by NSID: the number in a path's name depends on the order in which the
# kernel found them.
NSIDS = "for c in /sys/class/nvme/*; do echo $(cat $c/address) $(cat $c/nvme*/nsid); done"

def qemu_devices(directory):
    args = []
    for slot, serial in enumerate(VIRTUAL, 1):
        args += ["-device", f"pcie-root-port,id=port-{serial},chassis={slot},slot={slot},"
                            "io-reserve=0",
                 "-device", f"nvme-subsys,id=subsystem-{serial}",
                 "-device", f"nvme,id=nvme-{serial},serial={serial},subsys=subsystem-{serial},"
                            f"bus=port-{serial},sriov_max_vfs={N_VIRTUAL},"
                            f"sriov_vq_flexible={2 * N_VIRTUAL},sriov_vi_flexible={N_VIRTUAL}"]
        for nsid, (name, option) in enumerate(NAMESPACES.items(), 1):
            disk = directory / f"{serial}-{name}.qcow2"
            subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", disk, "16M"], check=True,
                           stdin=subprocess.DEVNULL)
            args += ["-drive", f"if=none,id=disk-{serial}-{name},format=qcow2,cache=unsafe,"
                               f"file={str(disk).replace(',', ',,')}",
                     "-device", f"nvme-ns,bus=nvme-{serial},drive=disk-{serial}-{name},"
                                f"nsid={nsid}" + (f",{option}" if option else "")]
    return args


def inventory(machine):
    """Like evidence.inventory(), but all functions of a drive have the same serial number: the key is that
    for a physical function, and that followed by its number for a virtual one."""
    found = {}
    for line in machine.check(evidence.INVENTORY).splitlines():
        serial, name, address, bar = line.split()
        function = int(address[-1])
        found[serial + (str(function) if function else "")] = evidence.Found(name, address,
                                                                             int(bar, 16))
    return found


@pytest.fixture(scope="module")
def machine(make_images):
    images, cache, build, say = make_images
    directory = cache / "run-sriov"
    if directory.exists():
        shutil.rmtree(directory)
    directory.mkdir(parents=True)
    say("booting the machine with virtual functions")
    root = images.root(build, name="root-sriov.qcow2")
    devices = ["-drive", f"if=none,id=root,format=qcow2,cache=unsafe,file={root}",
               "-device", "virtio-blk-pci,drive=root,addr=2.0", "-no-reboot",
               *qemu_devices(directory.resolve())]
    with Machine(directory, devices, images.kernel, images.initrd, images.kvm,
                 "ignore_loglevel rw fstab=no", clock=images.clock, emulator=images.emulator) as running:
        running.wait_boot()
        running.check(SET_UP)
        assert set(inventory(running)) == ALL
        yield running


@dataclass
class Rehearsal:
    status: int
    printed: dict       # name -> printed object
    told: set           # functions told to shut down
    before: str         # states
    after: str


@pytest.fixture(scope="module")
def rehearsed(machine):
    controllers, before = inventory(machine), machine.check(STATES)
    first = len(machine.trace.events)
    machine.trace_registers(True)
    status, text = machine.run("nvme-async-shutdown rehearse --yes --json 2>/dev/null\n")
    machine.trace_registers(False)
    machine.check("udevadm settle")
    shutdown = evidence.Shutdown(controllers, "", events=machine.trace.events[first:])
    names = {found.address: name for name, found in controllers.items()}
    return Rehearsal(status, {names[c["address"]]: c for c in json.loads(text)["controllers"]},
                     {shutdown.serial(event) for event in shutdown.events if event.kind == "shn"},
                     before, machine.check(STATES))


@pytest.fixture(scope="module")
def run(machine, make_images):
    make_images[3]("shutting down: the machine with virtual functions")
    shutdown = evidence.Shutdown(inventory(machine), "", PHASES)
    lines = [line.split() for line in machine.check(NSIDS).splitlines()]
    shutdown.nsids = {address: set(nsids) for address, *nsids in lines}
    evidence.watch(machine, shutdown, "systemctl reboot -f", off=True)
    names = {found.address: name for name, found in shutdown.controllers.items()}
    shutdown.record = {}
    # by address: all functions of a drive have one serial number
    for text in shutdown.lines(r"nvme-async-shutdown: .*\(stage=hook/"):
        if line := evidence.kernel_line(text):
            shutdown.record[names[line["address"]]] = line
    return shutdown


# tests before the shutdown, which ends the machine

def test_rehearse_takes_no_physical_function_that_has_virtual_ones(rehearsed):
    assert rehearsed.told & set(VIRTUAL) == set()
    assert {rehearsed.printed[name]["outcome"] for name in VIRTUAL} == {"left"}
    assert f"it has {N_VIRTUAL} virtual functions" in rehearsed.printed["A"]["reason"]
    assert "its virtual function " in rehearsed.printed["B"]["reason"]


def test_rehearse_reports_no_function_as_vanished(rehearsed):
    outcomes = {name: c["outcome"] for name, c in rehearsed.printed.items()}
    assert {name for name, outcome in outcomes.items() if outcome == "detached"} == rehearsed.told
    assert set(outcomes.values()) <= {"detached", "left"}
    assert rehearsed.status == 0


def test_after_rehearse_all_functions_are_as_before(rehearsed):
    assert rehearsed.after == rehearsed.before


def test_namespaces_are_attached_as_the_tests_below_want_it(run):
    # otherwise no namespace belongs to only some of the controllers
    nsids = {name: run.nsids[found.address] for name, found in run.controllers.items()}
    assert nsids == {"A": {"1", "2"}, "A1": {"1", "3"}, "A2": {"1"}, "B": {"1", "2"}, "B1": {"1"}}


def test_each_function_is_told_once(run):
    told = [(name, value) for name, _, value in run.notifications()]
    assert sorted(told) == [(name, 1) for name in sorted(ALL)]


def test_a_physical_function_comes_after_its_virtual_ones(run):
    order = [name for name, _, _ in run.notifications()]
    for physical, virtual in VIRTUAL.items():
        assert all(order.index(name) < order.index(physical) for name in virtual)


def test_all_functions_that_the_driver_has_are_taken(run):
    assert run.notified_in("hook") >= {"A", *VIRTUAL["A"]}


def test_a_physical_function_with_a_virtual_one_that_is_not_ours_stays(run):
    assert "B" in run.notified_in("kernel")
    assert run.record["B"]["outcome"] == "left"
    assert "its virtual function " in run.record["B"]["reason"]


def test_the_record_matches_the_trace(run):
    assert set(run.record) == ALL
    outcomes = {name: words["outcome"] for name, words in run.record.items()}
    assert {name for name, outcome in outcomes.items() if outcome == "detached"} == \
        run.notified_in("hook")
    assert set(outcomes.values()) == {"detached", "left"}
