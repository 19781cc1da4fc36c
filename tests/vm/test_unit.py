# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs the unit tests in the Debian of the machine, with its compiler and libraries."""

import subprocess

import pytest


def test_the_unit_tests_pass_where_it_is_built(make_images):
    images, _, _, _ = make_images
    if images.world.is_here:
        pytest.skip("tools/test --only unit runs them here")
    done = subprocess.run(images.inside("meson", "test", "-C", images.build(with_tests=True),
                                        "--no-rebuild", "--print-errorlogs",
                                        "--timeout-multiplier", "4"),
                          check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-5000:]
