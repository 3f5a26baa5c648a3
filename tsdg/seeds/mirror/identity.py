"""The identity of a file: the SHA-256 of its bytes, held whenever it is opened again.

A file is looked at by its open handle, so that nothing can come between the look and the reading.
Its hash is computed once and remembered by inode, size and times; the time of change is among
them, which no program can set.

``tsdg seeds prefetch --update`` keeps the file that it replaces, by its identity. So a run that
reads it goes on with it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

import orjson

from tsdg import cache
from tsdg.storage import make_directory, storage

DIGITS = 24
"""Hexadecimal digits of a revision."""
_START = "sha256:"
KEPT = ".kept"
"""Folder of a mirror with the files of before, by their identity."""
_known: dict[str, str] = {}
"""What this process has looked at."""


def revision_of(digest: str) -> str:
    """Return the revision of a file with this SHA-256.

    >>> revision_of("ab" * 32)
    'sha256:abababababababababababab'
    """
    return f"{_START}{digest[:DIGITS]}"


def revision(handle: BufferedReader, path: Path) -> str:
    """Return the revision of an open file; its place in the file stays.

    Raises:
        OSError: it cannot be read.
        StorageError: the cache cannot be written.
    """
    stat = os.fstat(handle.fileno())
    key = "|".join(
        map(str, (path.resolve(), stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns))
    )
    if key not in _known:
        memo = cache.folder("fingerprints") / hashlib.sha256(key.encode()).hexdigest()[:2]
        known = _memo(memo)
        if key not in known:
            place = handle.tell()
            handle.seek(0)
            known[key] = hashlib.file_digest(handle, "sha256").hexdigest()[:DIGITS]
            handle.seek(place)
            cache.write(memo, orjson.dumps(known))
        _known[key] = known[key]
    return revision_of(_known[key])


def _memo(path: Path) -> dict[str, str]:
    try:
        known = orjson.loads(path.read_bytes())
    except (FileNotFoundError, orjson.JSONDecodeError):
        return {}
    return known if isinstance(known, dict) else {}


def kept_path(mirror: Path, wanted: str) -> Path:
    """Return where a file of before lies, by its revision."""
    return mirror / KEPT / wanted.removeprefix(_START)


def keep(mirror: Path, path: Path, digest: str) -> None:
    """Keep a file of a mirror, which is about to be replaced, for the runs that read it.

    Args:
        mirror: the mirror's folder.
        path: of the file.
        digest: its SHA-256, as the mirror notes it.

    Raises:
        StorageError: the mirror cannot be written.
    """
    target = kept_path(mirror, revision_of(digest))
    make_directory(target.parent)
    if target.exists():
        return
    with storage("keep", path):
        try:
            os.link(path, target)
        except OSError:  # a file system without hard links
            partial = target.with_name(f".{target.name}")
            shutil.copy2(path, partial)
            partial.replace(target)


def kept_files(mirror: Path) -> tuple[int, int]:
    """Return how many files of before a mirror keeps, and their bytes."""
    folder = mirror / KEPT
    sizes = [file.stat().st_size for file in folder.iterdir()] if folder.is_dir() else []
    return len(sizes), sum(sizes)


@contextmanager
def held(handle: BufferedReader, path: Path) -> Iterator[tuple[BufferedReader, str]]:
    """Give an open file, and a path that means this very one, replaced or not; close it at the end.

    Raises:
        ChangedError: it was written to meanwhile.
    """
    with handle:
        before = os.fstat(handle.fileno())
        yield handle, f"/proc/self/fd/{handle.fileno()}"
        after = os.fstat(handle.fileno())
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            raise ChangedError(path)


class ChangedError(Exception):
    """A file was written to while it was read."""
