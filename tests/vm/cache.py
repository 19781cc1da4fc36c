# SPDX-License-Identifier: LGPL-2.1-or-later
"""Parts of the cache that are made once: named after a hash of their recipe, made under a lock."""

import fcntl
import hashlib
from contextlib import contextmanager
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]


def recipe_hash(*paths):
    digest = hashlib.sha256()
    for path in paths:
        files = sorted(path.rglob("*")) if path.is_dir() else [path]
        for file in files:
            digest.update(str(file.relative_to(TOP)).encode() + b"\0")
            if file.is_file():
                digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


@contextmanager
def locked(path):
    """Two test runs may share a cache; one waits while the other makes a part of it."""
    with open(path, "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def claim(folder):
    """Returns an open file; as long as it is open, no other run can claim that folder. RuntimeError: one has."""
    lock = open(f"{folder}.lock", "w", encoding="utf-8")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise RuntimeError(f"{folder}: another run works there; wait for it, or use another --cache") from None
    return lock
