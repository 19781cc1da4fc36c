# SPDX-License-Identifier: LGPL-2.1-or-later
"""pytest: one machine for the whole session."""

import sys
from pathlib import Path

import pytest

from image import Images
from lab import Lab

TOP = Path(__file__).resolve().parents[2]


def pytest_addoption(parser):
    parser.addoption("--build", default=TOP / "build/release",
                     help="meson build directory whose result is tested")
    parser.addoption("--cache", default=TOP / "build/vm", help="where disk images are kept")
    parser.addoption("--kvm", action="store_true", help="use KVM instead of software emulation")


@pytest.fixture(scope="session")
def make_images(request):
    """(images, cache directory, build directory, say)"""
    capture = request.config.pluginmanager.getplugin("capturemanager")

    def say(text):
        # A session takes minutes: say what it is at, also while output is captured.
        with capture.global_and_fixture_disabled():
            print(f"\n  .. {text}", file=sys.stderr, flush=True)

    cache = Path(request.config.getoption("cache"))
    images = Images(cache, request.config.getoption("kvm"), say)
    return images, cache, Path(request.config.getoption("build")), say


@pytest.fixture(scope="session")
def lab(make_images):
    images, cache, build, say = make_images
    machine = Lab(images, cache / "run-tests", build, say)
    yield machine
    machine.close()
