# SPDX-License-Identifier: LGPL-2.1-or-later
"""Gives pytest one machine of one world for the whole session."""

import sys
from pathlib import Path

import pytest

from image import Images
from lab import Lab
from machine import CLOCKS
from world import ARCHIVE_IS_BROKEN, DEFAULT, WORLDS, WorldBroken

TOP = Path(__file__).resolve().parents[2]


def pytest_addoption(parser):
    parser.addoption("--world", choices=WORLDS, default=DEFAULT,
                     help=f"the machine's Debian (default: {DEFAULT})")
    parser.addoption("--build",
                     help="meson build directory to test; it has to fit that Debian "
                     "(default: build with its own compiler)")
    parser.addoption("--cache", default=TOP / "build/vm", help="directory for disk images")
    parser.addoption("--clock", choices=CLOCKS, default="host",
                     help="the machine's clock (machine.py); on the virtual one two machines don't "
                     "disturb each other")
    parser.addoption("--kvm", action="store_true", help="use KVM instead of software emulation")


@pytest.fixture(scope="session")
def make_images(request):
    """Returns (images, cache directory, build directory, say)."""
    capture = request.config.pluginmanager.getplugin("capturemanager")

    def say(text):
        # A session takes minutes: show its progress even while output is captured.
        with capture.global_and_fixture_disabled():
            print(f"\n  .. {text}", file=sys.stderr, flush=True)

    world = WORLDS[request.config.getoption("world")]
    try:
        images = Images(request.config.getoption("cache"), world, request.config.getoption("kvm"),
                        say, request.config.getoption("clock"))
        images.data()
    except WorldBroken as error:
        # for a release this is a failure like any other
        if world.is_released:
            raise
        pytest.exit(f"WORLD BROKEN: {error}", ARCHIVE_IS_BROKEN)
    build = request.config.getoption("build")
    return images, images.cache, Path(build) if build else images.build(), say


@pytest.fixture(scope="session")
def lab(make_images):
    images, cache, build, say = make_images
    machine = Lab(images, cache / f"run-{images.clock}", build, say)
    yield machine
    machine.close()
