# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tests Release=zfs with real pools: one of data over four drives, and then the root's as well.

Not among the usual tests: ZFS's modules are built first (tools/test --only zfs)."""

import re
from contextlib import closing

import pytest

import topology
import zfs

STAYING = ("without", "busy")
LEAVING = ("released", "root_pool")


@pytest.fixture(scope="module")
def box(make_images):
    images, cache, build, say = make_images
    with closing(zfs.Box(images, cache / "run-zfs", build, say)) as found:
        yield found


@pytest.fixture
def without(box):
    return box.shut_down("without")


@pytest.fixture
def busy(box):
    return box.shut_down("busy", zfs.HOLD, Release="zfs")


@pytest.fixture
def released(box):
    return box.shut_down("released", Release="zfs")


@pytest.fixture(scope="module")
def box_on_pool(box):
    box.boot_from_pool()
    return box


@pytest.fixture
def root_pool(without, busy, released, box_on_pool):
    """The others come first: the machine does not return to its old root."""
    return box_on_pool.shut_down("root-pool", Release="zfs")


@pytest.fixture(params=(*STAYING, *LEAVING))
def each(request):
    return request.getfixturevalue(request.param)


@pytest.fixture(params=STAYING)
def staying(request):
    return request.getfixturevalue(request.param)


@pytest.fixture(params=LEAVING)
def leaving(request):
    return request.getfixturevalue(request.param)


def test_a_pool_that_stays_holds_its_drives_to_the_end(staying):
    assert staying.notified_in("unit") == topology.FREE_IN_UNIT_STAGE - zfs.TANK | zfs.RPOOL
    assert staying.notified_in("hook") == topology.HELD_BY_STACK
    assert zfs.TANK <= staying.notified_in("kernel")


def test_the_hook_takes_all_drives_of_an_exported_pool(leaving):
    assert leaving.notified_in("hook") == topology.HELD_BY_STACK | zfs.TANK


def said_by_zfs(shutdown):
    line, = shutdown.lines(r"nvme-async-shutdown: Release=zfs: \w+ after .*\(stage=hook program ")
    return re.search(r"Release=zfs: (\w+) after [0-9.]+s: (.*) \(stage=", line).groups()


def test_the_kernel_log_says_what_was_exported(busy, released, root_pool):
    assert said_by_zfs(busy) == ("done", "exported none, left tank")
    assert said_by_zfs(released) == ("done", "exported tank")
    assert said_by_zfs(root_pool) == ("done", "exported tank, left rpool")


def test_the_report_says_it_too(busy, released, root_pool):
    for shutdown, said in ((busy, "exported none, left tank"), (released, "exported tank"),
                           (root_pool, "exported tank, left rpool")):
        assert re.search(rf"(?m)^zfs +hook +done +[0-9.]+m?s +{said}$", shutdown.report)


def test_the_root_pool_is_left_to_the_kernel(root_pool):
    assert zfs.RPOOL <= root_pool.notified_in("kernel")
    # the old root's drive is idle now
    assert root_pool.notified_in("unit") == topology.FREE_IN_UNIT_STAGE - zfs.TANK | {"ROOT"}


def reason(shutdown, serial):
    line, = [line for line in shutdown.plan.splitlines() if re.search(rf"\b{serial}\b", line)]
    return line


def test_the_plan_names_the_pool_and_the_release(without, released, root_pool):
    for serial in zfs.TANK:
        assert "Release=zfs would free it from the ZFS pool tank in the hook" in reason(without, serial)
        assert "Release=zfs frees it from the ZFS pool tank in the hook" in reason(released, serial)
    for serial in zfs.RPOOL:
        assert "the root's ZFS pool rpool" in reason(root_pool, serial)
        assert "Release=" not in reason(root_pool, serial)


def test_an_exitrd_is_asked_for_when_the_roots_pool_has_two_drives(released, root_pool):
    assert "No exitrd is asked for: 1 NVMe controllers below the root file system" in released.exitrd
    assert "An exitrd is asked for: 2 NVMe controllers below the root file system" in root_pool.exitrd


def test_the_pool_is_imported_and_mounted_again_without_help(each):
    assert each.found == each.wrote


def test_all_data_are_there(each):
    assert each.digests_after == each.digests_before
    assert each.recovered <= {topology.MOUNTED["BUSY"]}
    assert each.damaged == set()


def test_each_drive_is_notified_once(each):
    serials = [serial for serial, _, _ in each.notifications()]
    assert sorted(serials) == sorted(zfs.ALL)
    assert {value for _, _, value in each.notifications()} == {1}
