# SPDX-License-Identifier: LGPL-2.1-or-later
"""The Debian releases that the test machine can be: kernel, systemd, libraries, compiler."""

import os
import platform
from dataclasses import dataclass


@dataclass(frozen=True)
class World:
    """A Debian suite. One that is not released can be broken on a given day: that is its archive's
    fault, and told apart from ours."""
    suite: str
    is_released: bool = True

    @property
    def is_here(self):
        """What its guest runs can be built by this machine's own compiler."""
        return platform.freedesktop_os_release().get("VERSION_CODENAME") == self.suite


WORLDS = {world.suite: world for world in (
    World("bookworm"),                      # Debian 12: kernel 6.1, systemd 252
    World("trixie"),                        # Debian 13: 6.12, 257; most people run this one
    World("forky", is_released=False),      # 7.2 or later, 262, dracut
)}
DEFAULT = "trixie"

# What mkimage ends with where the archive is broken (debian.sh).
ARCHIVE_IS_BROKEN = os.EX_TEMPFAIL


class WorldBroken(Exception):
    """The suite's archive gives no machine that boots by itself, without the project."""
