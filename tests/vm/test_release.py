# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tests drives that something holds until the machine is off, with and without Release=, and those that
LVM and md free earlier or later than usual.

IDLE1, IDLE2  a container of IMSM with a mirror, with a file system
IDLE3, SWAP   cache and backing device of bcache, in writeback mode, with a file system
RAW           exported by the NVMe target

A second machine has a container of DDF with a mirror over IDLE1 and IDLE2, and nothing else that is held.

A machine boots again and again from the same disks: what a shutdown leaves is what the next boot
finds.
"""

import re
import subprocess
from contextlib import closing

import pytest

import evidence
import topology

HELD = frozenset({"IDLE1", "IDLE2", "IDLE3", "SWAP", "RAW"})
LABELS = ("vmimsm", "vmbcache")
HELD_BY_DDF = frozenset({"IDLE1", "IDLE2"})
# the metadata of DDF take 32 MiB of each drive
DDF_MIB = 96
PROGRAMS = ("md-containers", "bcache", "nvmet")
# the shipped ones need a few seconds under software emulation
PROGRAM_SECONDS = 20
UNIT = "nvme-async-shutdown.service"
CONFIG = "/etc/nvme-async-shutdown.conf"
# without the firmware of such a platform; both at the creation and at each boot
APPEND = "ro mdadm.imsm.test=1"

# A script waits without a limit of its own: check() has one.
MAKE = r"""
export IMSM_NO_PLATFORM=1
swapoff -a
sed -i /vmswap/d /etc/fstab
systemctl daemon-reload
wipefs -qa SWAP IDLE1 IDLE2 IDLE3
mdadm --create /dev/md/imsm --run --metadata=imsm --raid-devices=2 IDLE1 IDLE2
mdadm --create /dev/md/mirror --run --level=1 --raid-devices=2 --assume-clean /dev/md/imsm
udevadm settle
mke2fs -q -F -t ext4 -L vmimsm /dev/md/mirror
modprobe bcache
make-bcache --bucket 16k --writeback -B SWAP -C IDLE3
udevadm settle
for device in SWAP IDLE3; do echo $device >/sys/fs/bcache/register || true; done 2>/dev/null
until [ -b /dev/bcache0 ]; do sleep 0.1; done
mke2fs -q -F -t ext4 -L vmbcache /dev/bcache0
udevadm settle
mkdir -p /etc/nvme-async-shutdown/release.d
printf '#!/bin/sh\necho begun\nexec sleep 1000\n' >/etc/nvme-async-shutdown/release.d/hangs
printf '#!/bin/sh\necho never\n' >/etc/nvme-async-shutdown/release.d/writable
chmod 755 /etc/nvme-async-shutdown/release.d/hangs
chmod 777 /etc/nvme-async-shutdown/release.d/writable
"""

MAKE_DDF = r"""
mdadm --create /dev/md/ddf --run --metadata=ddf --raid-devices=2 IDLE1 IDLE2
mdadm --create /dev/md/mirror --run --level=1 --raid-devices=2 --assume-clean /dev/md/ddf
udevadm settle
mke2fs -q -F -t ext4 -L vmddf /dev/md/mirror
udevadm settle
"""

# What the disks hold is found by udev alone.
SET_UP = r"""
for label in LABELS; do
        until [ -e /dev/disk/by-label/$label ]; do sleep 0.1; done
        mkdir -p /srv/$label
        mount /dev/disk/by-label/$label /srv/$label
        [ ! -e /srv/$label/data ] || echo "found $label $(sha256sum </srv/$label/data)"
        dd if=/dev/urandom of=/srv/$label/data bs=64k count=16 status=none
        echo "wrote $label $(sha256sum </srv/$label/data)"
done
"""

# The export lives in memory.
EXPORT = r"""
modprobe nvme-loop
modprobe nvmet
mountpoint -q /sys/kernel/config || mount -t configfs none /sys/kernel/config
cd /sys/kernel/config/nvmet
mkdir subsystems/vm ports/1
echo 1 >subsystems/vm/attr_allow_any_host
mkdir subsystems/vm/namespaces/1
echo RAW >subsystems/vm/namespaces/1/device_path
echo 1 >subsystems/vm/namespaces/1/enable
echo loop >ports/1/addr_trtype
ln -s /sys/kernel/config/nvmet/subsystems/vm ports/1/subsystems/vm
"""


def repair_slowly(kb_per_second):
    return rf"""
md=$(basename $(realpath /dev/md/vm))
echo 100 >/sys/block/$md/md/sync_speed_min
echo {kb_per_second} >/sys/block/$md/md/sync_speed_max
echo repair >/sys/block/$md/md/sync_action
sleep 1
cat /sys/block/$md/md/sync_action
"""


AVAILABILITY = r"""
rm -f /etc/systemd/system/blk-availability.service
systemctl daemon-reload
systemctl start blk-availability.service
"""

# It takes longer than the shutdown.
RESYNC = repair_slowly(200)
# blk-availability waits for the end of a resync, here some 20 s.
BOTH = AVAILABILITY + repair_slowly(5000)


class Box:
    """One machine over several shutdowns.

    @make: what it needs before the first one; @set_up: at each boot."""

    # one machine runs at a time
    _running = None

    def __init__(self, images, directory, build, say, make=MAKE, set_up=SET_UP + EXPORT, labels=LABELS):
        self._images, self.directory, self._say = images, directory, say
        self._make, self._set_up_script = make, set_up.replace("LABELS", " ".join(labels))
        self._labels = labels
        self.disks = images.fresh_disks(directory, build)
        self._shutdowns = {}
        self._is_made = False
        self.machine = None

    def _boot(self):
        self._say(f"booting the machine of {self.directory.name}")
        if Box._running:
            Box._running.close()
        Box._running = self
        self.machine = self._images.machine(self.directory, self.disks, APPEND)
        self.machine.start()
        self.machine.wait_boot()

    def _check(self, script):
        nodes = {serial: f"/dev/{found.name}n1"
                 for serial, found in evidence.inventory(self.machine).items()}
        words = "|".join(HELD)
        return self.machine.check(re.sub(rf"\b({words})\b", lambda match: nodes[match[1]], script))

    def _set_up(self):
        """Returns the digests of what the boot found, and of what was written then."""
        found, wrote = {}, {}
        for line in self._check(self._set_up_script).splitlines():
            word, *rest = line.split()
            if word in ("found", "wrote"):
                {"found": found, "wrote": wrote}[word][rest[0]] = rest[1]
        return found, wrote

    def shut_down(self, name, script="", **keys):
        if name in self._shutdowns:
            return self._shutdowns[name]
        if not self.machine:
            self._boot()
        if not self._is_made:
            self._check(self._make)
            self.machine.check(f"systemctl enable -q {UNIT}")
            _, self._wrote = self._set_up()
            self._is_made = True
        text = "".join(f"{key}={value}\n" for key, value in keys.items())
        self.machine.check(f"cat >{CONFIG} <<'EOF'\n[Shutdown]\nEnabled=yes\nMinControllers=1\n"
                           f"{text}EOF\n")
        said = self._check(script) if script else ""
        plan = self.machine.check("nvme-async-shutdown plan 2>&1")
        self._say(f"shutting down: {name}")
        shutdown = evidence.reboot(self.machine, "systemctl reboot")
        shutdown.plan, shutdown.said, shutdown.wrote = plan, said, self._wrote
        shutdown.labels = self._labels
        shutdown.found, self._wrote = self._set_up()
        (self.directory / f"timeline-{name}.txt").write_text(
            "\n".join(evidence.timeline(shutdown)) + "\n" + plan)
        self._shutdowns[name] = shutdown
        return shutdown

    def close(self):
        if self.machine:
            self.machine.close()
            self.machine = None


@pytest.fixture(scope="module")
def box(make_images):
    images, cache, build, say = make_images
    with closing(Box(images, cache / "run-release", build, say)) as found:
        yield found


@pytest.fixture(scope="module")
def ddf_box(make_images):
    images, cache, build, say = make_images
    with closing(Box(images, cache / "run-ddf", build, say, MAKE_DDF, SET_UP, ("vmddf",))) as found:
        for serial in HELD_BY_DDF:
            subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", found.disks[serial],
                            f"{DDF_MIB}M"], check=True, stdin=subprocess.DEVNULL)
        yield found


@pytest.fixture
def ddf_without(ddf_box):
    return ddf_box.shut_down("ddf-without")


@pytest.fixture
def ddf_released(ddf_box):
    return ddf_box.shut_down("ddf-released", Release="md-containers")


@pytest.fixture
def without(box):
    return box.shut_down("without")


@pytest.fixture
def released(box):
    return box.shut_down("released", Release=" ".join((*PROGRAMS, "hangs", "writable", "missing")),
                         ReleaseTimeoutSec=PROGRAM_SECONDS, TimeoutSec=3 * PROGRAM_SECONDS)


@pytest.fixture
def resync(box):
    return box.shut_down("resync", RESYNC)


@pytest.fixture
def availability(box):
    return box.shut_down("availability", AVAILABILITY)


@pytest.fixture
def both(box):
    return box.shut_down("both", BOTH)


@pytest.fixture(params=("without", "released", "resync", "availability", "both", "ddf_without", "ddf_released"))
def each(request):
    return request.getfixturevalue(request.param)


def check_stages(run, held, freed):
    """@held: what systemd does not let go; @freed: those of them that the hook takes nevertheless."""
    later = evidence.held_by_udevd(run.journal) - held
    assert run.notified_in("unit") == topology.FREE_IN_UNIT_STAGE - held - later
    assert run.notified_in("hook") == topology.HELD_BY_STACK | freed | later
    assert held - freed <= run.notified_in("kernel")


def test_without_release_they_are_held_to_the_end(without):
    check_stages(without, HELD, frozenset())


def test_with_release_the_hook_takes_them(released):
    check_stages(released, HELD, HELD)


def test_a_container_of_ddf_is_held_to_the_end_without_release(ddf_without):
    check_stages(ddf_without, HELD_BY_DDF, frozenset())


def test_with_release_the_hook_takes_a_container_of_ddf(ddf_released):
    check_stages(ddf_released, HELD_BY_DDF, HELD_BY_DDF)
    assert len(ddf_released.lines(r"nvme-async-shutdown: Release=md-containers: done after .*: stopped md\d+ "
                                  r"\(stage=hook program ")) == 1


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_kernel_log_says_what_was_freed(released, name):
    line, = released.lines(rf"nvme-async-shutdown: Release={name}: done after .*\(stage=hook program ")
    assert re.search(r"stopped (md|bcache)\d+ |removed 1 namespaces", line)


@pytest.mark.parametrize("name, words", [
    ("hangs", rf"late after ({PROGRAM_SECONDS - 1}|{PROGRAM_SECONDS})\."),
    ("writable", "refused: .* is writable by others"), ("missing", "refused: neither in")])
def test_programs_that_do_not_work_hold_nothing_up(released, name, words):
    assert len(released.lines(rf"nvme-async-shutdown: Release={name}: {words}")) == 1


def test_no_program_runs_in_the_unit(released):
    first = released.index("nvme-async-shutdown: Release=")
    assert released.phase(first) == "hook"


def test_a_resync_is_no_obstacle(resync):
    assert resync.said.split()[-1] == "repair"
    assert topology.HELD_BY_STACK <= resync.notified_in("hook")


def test_a_resync_is_no_obstacle_either_where_blk_availability_waits_for_it(both):
    assert both.said.split()[-1] == "repair"
    assert topology.HELD_BY_STACK <= both.notified_in("unit") | both.notified_in("hook")


def test_blk_availability_frees_some_earlier_and_loses_none(availability):
    assert topology.HELD_BY_STACK <= availability.notified_in("unit") | availability.notified_in("hook")


def test_all_data_are_there_and_everything_is_assembled_without_help(each):
    assert each.digests_after == each.digests_before
    assert set(each.found) == set(each.labels)
    assert each.found == each.wrote
    assert each.recovered <= {topology.MOUNTED["BUSY"]}
    assert each.damaged == set()


def test_each_drive_is_notified_once(each):
    serials = [serial for serial, _, _ in each.notifications()]
    assert sorted(serials) == sorted(topology.ALL)
    assert {value for _, _, value in each.notifications()} == {1}
