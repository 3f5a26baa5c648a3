"""Who may work in a run directory, and how a process is asked to stop."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import signal
import struct
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path

from tsdg.engine.file_system import NO_LOCKS
from tsdg.engine.leases import LeaseBoard, highest_generations, lease_path, look_at
from tsdg.engine.owner import Owner
from tsdg.engine.timing import Timing
from tsdg.errors import RunConflictError, StorageError
from tsdg.storage import WAY_IN, list_names, make_directory, storage_unfit

_LOCK, _OWNER = ".lock", ".owner"
"""In a run directory: what its owner locks, and where it holds a lease if there are no locks."""
TIMING = Timing()

_FLOCK = "hhqqi0q"
"""Linux' ``struct flock``: kind, whence, start, length, process."""


@contextmanager
def sole_owner(directory: Path) -> Iterator[None]:
    """Lock the run directory, because two `tsdg run` would gather into each other's files.

    Where the file system has no locks, the owner holds a lease and shows every ten seconds that it
    lives; one that was killed on another host is then believed to be gone after a minute.

    Raises:
        RunConflictError: another process holds it.
        StorageError: it cannot be written.
    """
    lock = directory / _LOCK
    try:
        directory.mkdir(parents=True, exist_ok=True)
        handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise StorageError(
            f"run directory {directory} cannot be written: {error.strerror}: {lock}; "
            f"{WAY_IN if error.errno in (errno.EACCES, errno.EPERM) else 'see output_root='}"
        ) from error
    with ExitStack() as held:
        held.callback(os.close, handle)
        try:
            fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EAGAIN):
                raise _at_work(directory) from error
            if error.errno not in NO_LOCKS:
                raise storage_unfit("lock", lock, error) from error
            held.enter_context(_leased(directory))
        yield


def _at_work(directory: Path) -> RunConflictError:
    return RunConflictError(
        f"another tsdg is at work in {directory}; wait for it, or choose another run=NAME"
    )


@contextmanager
def _leased(directory: Path, timing: Timing | None = None) -> Iterator[None]:
    """Hold the run directory by a lease, which needs no lock."""
    timing = timing or TIMING
    folder = directory / _OWNER
    make_directory(folder)
    board = LeaseBoard(directory=folder, owner=Owner.current(), timing=timing)
    deadline = time.monotonic() + timing.lease_timeout_s + 2 * timing.poll_s
    while (lease := board.claim([0])) is None:
        if time.monotonic() > deadline:
            raise _at_work(directory)
        time.sleep(timing.poll_s)
    ended = threading.Event()

    def beat() -> None:
        while not ended.wait(timing.heartbeat_s):
            with suppress(StorageError):  # said where the next file is written
                lease.beat()

    thread = threading.Thread(target=beat, name="tsdg-owner", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        lease.release()


def is_owned(directory: Path) -> bool:
    """Whether another process holds the run directory. It only asks, and blocks nobody.

    Not for a process that holds it itself: a POSIX lock ends where its process closes the file
    anywhere.

    Args:
        directory: of the run; not held where it cannot be looked at.
    """
    try:
        with (directory / _LOCK).open("rb") as file:
            asked = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
            kind: int = struct.unpack(_FLOCK, fcntl.fcntl(file, fcntl.F_GETLK, asked))[0]
    except OSError as error:
        return error.errno in NO_LOCKS and _is_leased(directory / _OWNER)
    return kind != fcntl.F_UNLCK


def _is_leased(folder: Path) -> bool:
    """Whether somebody holds the lease of a run, and has shown of late that it lives."""
    for index, generation in highest_generations(list_names(folder)).items():
        state = look_at(lease_path(folder, index, generation))
        if state is not None and not state.free:
            return time.time() - state.mtime_ns / 1e9 < 2 * TIMING.lease_timeout_s
    return False


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
