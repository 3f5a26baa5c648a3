"""What the file system of a run directory can do, tried before anything depends on it.

A phase needs exclusive creation, times that can be set, and renaming. Hard links and POSIX locks
are used where there are any. Without links a part is committed by renaming a directory, and without
locks the owner of a run holds a lease (:mod:`tsdg.engine.control`).
"""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import shutil
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tsdg.engine.owner import process_lives
from tsdg.errors import StorageError
from tsdg.storage import make_directory, remove_scratch

NO_LOCKS = frozenset({errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL})
"""What a lock fails with where the file system has none (Lustre without flock, NFS without
lockd)."""
NO_LINKS = frozenset({errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP, errno.EMLINK})
"""What a hard link fails with where there are none (FAT, some FUSE and object stores)."""
_NEEDED = {
    "create": "create files exclusively",
    "utime": "set the times of files",
    "rename": "rename files and folders",
    "fsync": "make files durable",
}
"""Ability → what a phase cannot do without it."""
_MOST_TRIALS = 5
"""How often a trial is made anew whose folder another process took away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ability:
    """One thing that was tried."""

    name: str
    """``create``, ``fsync``, ``utime``, ``rename``, ``link`` or ``lock``."""
    error: str
    """Why it cannot be done, in the system's words; empty where it can."""
    needed: bool
    """Whether there is no other way."""


def try_file_system(directory: Path) -> tuple[Ability, ...]:
    """Try in a folder what a run does in it; nothing is left there.

    What processes left there that were killed meanwhile is removed.

    Args:
        directory: must exist.

    Raises:
        StorageError: no folder can be made in it.
    """
    for left in _left_behind(directory):
        shutil.rmtree(left, ignore_errors=True)
    for _ in range(_MOST_TRIALS):
        tried, whole = _tried(directory)
        if whole:
            break
    return tried


def _tried(directory: Path) -> tuple[tuple[Ability, ...], bool]:
    """Try everything once; also whether nobody took the folder of the trial away meanwhile."""
    scratch = directory / f"{_mine()}{os.getpid()}-{secrets.token_hex(4)}"
    make_directory(scratch)
    try:
        tried = tuple(
            Ability(name=name, error=_try(attempt, scratch), needed=name in _NEEDED)
            for name, attempt in _ATTEMPTS
        )
        # Of another container on this node nobody can tell whether its process lives.
        return tried, scratch.exists()
    finally:
        remove_scratch(scratch)


def _mine() -> str:
    return f".try-{socket.gethostname()}-"


def _left_behind(directory: Path) -> Iterator[Path]:
    """Folders of trials on this node whose process is gone."""
    for path in directory.glob(f"{_mine()}*"):
        pid = path.name.removeprefix(_mine()).partition("-")[0]
        if pid.isdecimal() and not process_lives(int(pid)):
            yield path


def check_file_system(directory: Path) -> None:
    """Refuse a folder in which a phase could not be committed, before servers start for it.

    Raises:
        StorageError: it lacks something for which there is no other way.
    """
    for ability in try_file_system(directory):
        if ability.error and ability.needed:
            raise StorageError(
                f"the file system of {directory} cannot {_NEEDED[ability.name]}: {ability.error}; "
                "choose an output_root on another one"
            )


def _try(attempt: Callable[[Path], None], scratch: Path) -> str:
    try:
        attempt(scratch)
    except OSError as error:
        return error.strerror or str(error)
    return ""


def _create(scratch: Path) -> None:
    """Twice: the second one must fail."""
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY
    os.close(os.open(scratch / "file", flags, 0o666))
    try:
        os.close(os.open(scratch / "file", flags, 0o666))
    except FileExistsError:
        return
    raise OSError(errno.EOPNOTSUPP, "two processes can create one file")


def _fsync(scratch: Path) -> None:
    with (scratch / "file").open("wb") as file:
        file.write(b"tried")
        file.flush()
        os.fsync(file.fileno())


def _utime(scratch: Path) -> None:
    with (scratch / "file").open("rb+") as file:
        os.utime(file.fileno(), ns=(0, 0))
        if os.fstat(file.fileno()).st_mtime_ns != 0:
            raise OSError(errno.EOPNOTSUPP, "times are not kept")


def _rename(scratch: Path) -> None:
    """Of a file over another one, and of a folder over one that is not empty, which must fail."""
    (scratch / "one").write_bytes(b"1")
    (scratch / "one").replace(scratch / "two")
    for name in ("full", "other"):
        (scratch / name).mkdir()
        (scratch / name / "file").touch()
    try:
        (scratch / "other").rename(scratch / "full")
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
            return
        raise
    raise OSError(errno.EOPNOTSUPP, "a folder is renamed over another one")


def _link(scratch: Path) -> None:
    os.link(scratch / "two", scratch / "linked")


def _lock(scratch: Path) -> None:
    with (scratch / "file").open("rb+") as file:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


_ATTEMPTS: tuple[tuple[str, Callable[[Path], None]], ...] = (
    ("create", _create),
    ("fsync", _fsync),
    ("utime", _utime),
    ("rename", _rename),
    ("link", _link),
    ("lock", _lock),
)
