"""The cache folder, for what is expensive to compute but can always be computed again.

Using it needs nothing but Python.

It is ``$TSDG_CACHE``, or ``~/.cache/tsdg`` where that is not set or empty.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tsdg.errors import StorageError


def root(environ: Mapping[str, str]) -> Path:
    """Say where the cache lies, by an environment; nothing is made."""
    return Path(environ.get("TSDG_CACHE") or "~/.cache/tsdg").expanduser()


def folder(name: str) -> Path:
    """Return (and make) a folder of the cache.

    Raises:
        StorageError: it cannot be made.
    """
    path = root(os.environ) / name
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unfit(path, error) from None
    return path


def write(path: Path, data: bytes) -> None:
    """Write a cache file at once, so that a reader sees all of it or nothing.

    Raises:
        StorageError: it cannot be written.
    """
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".part-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise _unfit(path, error) from None


def _unfit(path: Path, error: OSError) -> StorageError:
    return StorageError(
        f"the cache at {path} cannot be written ({error.strerror}); point TSDG_CACHE to a folder "
        "that can be"
    )
