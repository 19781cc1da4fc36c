# SPDX-License-Identifier: LGPL-2.1-or-later
"""pytest: one machine for the whole session, of one world."""

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
                     help=f"which Debian the machine is (default: {DEFAULT})")
    parser.addoption("--build",
                     help="meson build directory whose result is tested; it has to fit that Debian "
                     "(default: built by its own compiler)")
    parser.addoption("--cache", default=TOP / "build/vm", help="where disk images are kept")
    parser.addoption("--clock", choices=CLOCKS, default="host",
                     help="what the machine's time is (machine.py); on the virtual clock two machines "
                     "don't disturb each other")
    parser.addoption("--kvm", action="store_true", help="use KVM instead of software emulation")


@pytest.fixture(scope="session")
def make_images(request):
    """(images, cache directory, build directory, say)"""
    capture = request.config.pluginmanager.getplugin("capturemanager")

    def say(text):
        # A session takes minutes: say what it is at, also while output is captured.
        with capture.global_and_fixture_disabled():
            print(f"\n  .. {text}", file=sys.stderr, flush=True)

    world = WORLDS[request.config.getoption("world")]
    try:
        images = Images(request.config.getoption("cache"), world, request.config.getoption("kvm"),
                        say, request.config.getoption("clock"))
        images.data()
    except WorldBroken as error:
        # of a release it is a failure like any other
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
