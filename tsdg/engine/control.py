"""Who may work in a run directory, and how a process is asked to stop."""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from tsdg.errors import RunConflictError, StorageError

_FLOCK = "hhqqi0q"
"""Linux' ``struct flock``: kind, whence, start, length, process."""


@contextmanager
def sole_owner(directory: Path) -> Iterator[None]:
    """Lock the run directory, because two `tsdg run` would gather into each other's files.

    Raises:
        RunConflictError: another process holds it.
        StorageError: it cannot be written.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        handle = os.open(directory / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise StorageError(
            f"run directory {directory} cannot be written: {error.strerror}; see output_root="
        ) from error
    try:
        fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        raise RunConflictError(
            f"another tsdg is at work in {directory}; wait for it, or choose another run=NAME"
        ) from error
    try:
        yield
    finally:
        os.close(handle)


def is_owned(directory: Path) -> bool:
    """Whether another process holds the run directory. It only asks, and blocks nobody.

    Not for a process that holds it itself: a POSIX lock ends where its process closes the file
    anywhere.

    Args:
        directory: of the run; not held where it cannot be looked at.
    """
    try:
        with (directory / ".lock").open("rb") as file:
            asked = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
            kind: int = struct.unpack(_FLOCK, fcntl.fcntl(file, fcntl.F_GETLK, asked))[0]
    except OSError:
        return False
    return kind != fcntl.F_UNLCK


@asynccontextmanager
async def stoppable() -> AsyncIterator[asyncio.Event]:
    """An event that Ctrl-C, SIGTERM and SIGUSR1 set; restores their handlers afterwards."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)
    for number in signals:
        loop.add_signal_handler(number, stop.set)
    try:
        yield stop
    finally:
        for number in signals:
            loop.remove_signal_handler(number)
