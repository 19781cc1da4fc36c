# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tests the estimate in the record against the measured time of the kernel alone.

On the virtual clock: times of the host's clock depend on its load."""

import pytest

import bench
import vnvme

CONTROLLERS = 8
# Drives without latency: only the kernel's own work around them is estimated.
ROW = bench.Row(f"{CONTROLLERS} x 0 ms", f"{CONTROLLERS}*R(N)", (0,))
TOLERANCE = 0.1


@pytest.fixture(scope="module")
def machines(make_images):
    images, cache, build, say = make_images
    found = vnvme.Bench(images, cache / "run-saved", build, say, clock="virtual")
    bench.load(found, ROW)
    return found


def test_the_estimate_is_the_time_of_the_kernel_alone(machines):
    alone = bench.shut_down(machines, ROW, bench.KERNEL)
    ours = bench.shut_down(machines, ROW, bench.FORCED)
    # 140 ms each up to 6.1, where the driver polls every 0.1 s; some 35 since then
    assert alone.kernel_usec > CONTROLLERS * 10_000
    assert ours.serial_usec is not None
    assert abs(ours.serial_usec / alone.kernel_usec - 1) < TOLERANCE, \
        (ours.serial_usec, alone.kernel_usec)
