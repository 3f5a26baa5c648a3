"""Folders for what lives no longer than its process; a later one removes those of killed ones.

A folder is locked as long as it is in use, by the process that made it. Whoever makes one removes
those of the same user that nobody holds. Where folders cannot be locked (some network file systems)
none is removed but by who made it.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tsdg.storage import storage

PREFIX = "tsdg-"
ENDING = ".tmp"
_YOUNG_S = 60.0
"""One so young may be about to be locked."""


@dataclass(frozen=True)
class Scratch:
    """A folder that is in use; :meth:`remove` ends it."""

    path: Path
    _lock: int

    def remove(self) -> None:
        """Remove it, as far as that is possible; again is fine."""
        shutil.rmtree(self.path, ignore_errors=True)
        with suppress(OSError):
            os.close(self._lock)


def new_scratch(what: str, *, parent: Path | None = None) -> Scratch:
    """Make a folder, and remove those that killed processes left beside it.

    Args:
        what: what it is for, in one word; part of its name.
        parent: where; by default where temporary files go.

    Raises:
        StorageError: it cannot be made.
    """
    place = parent or Path(tempfile.gettempdir())
    _sweep(place)
    with storage("make a scratch folder in", place):
        path = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{what}-", suffix=ENDING, dir=place))
        lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    with suppress(OSError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return Scratch(path, lock)


@contextmanager
def scratch_folder(what: str, *, parent: Path | None = None) -> Iterator[Path]:
    """A folder that is gone afterwards.

    Args:
        what: as for :func:`new_scratch`.
        parent: likewise.

    Raises:
        StorageError: it cannot be made.
    """
    scratch = new_scratch(what, parent=parent)
    try:
        yield scratch.path
    finally:
        scratch.remove()


def _sweep(place: Path) -> None:
    for path in place.glob(f"{PREFIX}*{ENDING}"):
        with suppress(OSError):
            found = path.lstat()
            if found.st_uid == os.getuid() and time.time() - found.st_mtime > _YOUNG_S:
                _remove_if_left(path)


def _remove_if_left(path: Path) -> None:
    lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(path, ignore_errors=True)
    finally:
        os.close(lock)
