# SPDX-License-Identifier: LGPL-2.1-or-later
"""The Debian releases that the test machine can be: kernel, systemd, libraries, compiler."""

import os
import platform
from dataclasses import dataclass


@dataclass(frozen=True)
class World:
    """A Debian suite. One that is not released may be broken on some days: that is a fault of its
    archive, and is reported as such."""
    suite: str
    is_released: bool = True

    @property
    def is_here(self):
        """True if this machine's own compiler can build for the guest."""
        return platform.freedesktop_os_release().get("VERSION_CODENAME") == self.suite


WORLDS = {world.suite: world for world in (
    World("bookworm"),                      # Debian 12: kernel 6.1, systemd 252
    World("trixie"),                        # Debian 13: 6.12, 257; most people run this one
    World("forky", is_released=False),      # 7.2 or later, 262, dracut
)}
DEFAULT = "trixie"

# The exit status of mkimage if the archive is broken (debian.sh).
ARCHIVE_IS_BROKEN = os.EX_TEMPFAIL


class WorldBroken(Exception):
    """The suite's archive yields no machine that boots, even without the project."""
