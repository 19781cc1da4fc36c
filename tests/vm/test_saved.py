# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a shutdown says that it has saved is what the kernel alone would have taken.

On the virtual clock: figures of the host's are of what else the host does."""

import pytest

import bench
import vnvme

CONTROLLERS = 8
# Drives that are done at once: all that is estimated is what the kernel itself takes around them.
ROW = bench.Row(f"{CONTROLLERS} x 0 ms", f"{CONTROLLERS}*R(N)", (0,))
TOLERANCE = 0.1


@pytest.fixture(scope="module")
def machines(make_images):
    images, cache, build, say = make_images
    found = vnvme.Bench(images, cache / "run-saved", build, say, clock="virtual")
    bench.load(found, ROW)
    return found


def test_one_after_the_other_is_what_the_kernel_alone_takes(machines):
    alone = bench.shut_down(machines, ROW, bench.KERNEL)
    ours = bench.shut_down(machines, ROW, bench.FORCED)
    # 140 ms each up to 6.1, where the driver looks every 0.1 s, and some 35 since
    assert alone.kernel_usec > CONTROLLERS * 10_000
    assert ours.serial_usec is not None
    assert abs(ours.serial_usec / alone.kernel_usec - 1) < TOLERANCE, \
        (ours.serial_usec, alone.kernel_usec)
