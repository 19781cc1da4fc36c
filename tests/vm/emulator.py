# SPDX-License-Identifier: LGPL-2.1-or-later
"""Chooses the QEMU that runs the machines: Debian 13's, unpacked below the cache, because it needs much
less processor time than that of Debian 12 (mkqemu has the figure)."""

import shutil
import subprocess
from pathlib import Path

from cache import locked, recipe_hash
from world import WORLDS

HERE = Path(__file__).resolve().parent
SUITE = "trixie"
INSTALLED = ("qemu-system-x86_64",)


def _unpack(cache, say):
    """Returns the directory of the unpacked QEMU, or None if it can't be had today."""
    root = cache / f"qemu-{recipe_hash(HERE / 'mkqemu', HERE / 'debian.sh')}"
    if root.exists():
        return root
    say(f"unpacking QEMU of {SUITE} (a minute, kept afterwards)")
    for old in cache.glob("qemu-*"):
        if old.is_dir():
            shutil.rmtree(old)
    with open(cache / "qemu.log", "wb") as log:
        status = subprocess.run([HERE / "mkqemu", SUITE, root], check=False,
                                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT).returncode
    if status == 0:
        return root
    say(f"no QEMU of {SUITE}, see {log.name}: using this machine's, which is slower, ignoring")
    return None


def find(cache, say):
    """Returns the first words of QEMU's command line."""
    cache = Path(cache).resolve()
    if WORLDS[SUITE].is_here:
        return INSTALLED
    cache.mkdir(parents=True, exist_ok=True)
    with locked(cache / "qemu.lock"):
        root = _unpack(cache, say)
    if not root:
        return INSTALLED
    libraries = root / "usr/lib/x86_64-linux-gnu"
    # by its own loader: this machine's C library is older
    return ("env", f"QEMU_MODULE_DIR={libraries}/qemu", str(root / "usr/lib64/ld-linux-x86-64.so.2"),
            "--library-path", str(libraries), str(root / "usr/bin/qemu-system-x86_64"),
            "-L", str(root / "usr/share/qemu"), "-L", str(root / "usr/share/seabios"))
