"""File operations that end in one clear line when the storage fails."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from tsdg.errors import StorageError, UsageError
from tsdg.layout import MANIFEST, SNAPSHOT

WAY_IN = "its owner lets the group in with `chmod -R g+w` and `umask 002`; or choose another folder"
"""What helps where a file belongs to somebody else."""
_NEXT_STEP = {
    errno.ENOSPC: "the disk is full; free some space",
    errno.EDQUOT: "the quota is used up; free some space or raise it",
    errno.EROFS: "the file system is read-only; remount it or choose another folder",
    errno.EACCES: WAY_IN,
    errno.EPERM: "the operation is not permitted there; choose a folder on another file system",
    errno.EOPNOTSUPP: "the file system lacks the operation; choose a folder on another file system",
}
_PASSING = frozenset(
    (errno.EIO, errno.ESTALE, errno.ENOTCONN, errno.ENODEV, errno.ETIMEDOUT, errno.EHOSTDOWN)
)
"""What a file system fails with that has lost its server for a moment, or on this node alone."""
PARTIAL = ".partial"
"""Ending, after a dot before the name, of what is not whole yet."""
PRIVATE = 0o600
"""Mode of a file that only its owner may read."""
_OTHER_STEP = "check the file system"


def storage_unfit(action: str, path: Path, error: OSError) -> StorageError:
    """Say in one line what could not be done, where, why, and what to do about it."""
    step = _NEXT_STEP.get(error.errno or 0, _OTHER_STEP)
    reason = error.strerror or " ".join(str(error).split())
    return StorageError(
        f"cannot {action} {path}: {reason}: {step}, then start again: what was done is kept"
    )


def is_passing(error: BaseException | None) -> bool:
    """Whether the same may succeed later, or on another node."""
    return isinstance(error, OSError) and error.errno in _PASSING


@contextmanager
def storage(action: str, path: Path) -> Iterator[None]:
    """Turn an ``OSError`` of the block into a :class:`StorageError`.

    Its message is ``cannot <action> <path>: ...``.
    """
    try:
        yield
    except OSError as error:
        raise storage_unfit(action, path, error) from error


def make_directory(path: Path) -> None:
    """Create a directory and its parents where they are missing.

    Raises:
        StorageError: it cannot be created.
    """
    with storage("create the directory", path):
        path.mkdir(parents=True, exist_ok=True)


def refuse_runs(out: Path, *, command: str) -> None:
    """Check that an output folder is not a run, which "remove it" would cost.

    Args:
        out: may be missing.
        command: what the user typed, for the message.

    Raises:
        UsageError: it is a run directory or a merged dataset, or lies in one.
    """
    for folder in (out.absolute(), *out.absolute().parents):
        if (folder / SNAPSHOT).is_dir() or (folder / MANIFEST).is_file():
            raise UsageError(
                f"{command}: out={out} would write into {folder}, which is a run or a dataset; "
                "name a folder outside it: out=FOLDER"
            )


def refuse_filled(out: Path, *, command: str) -> None:
    """Check that a folder to write to is none of a run, and new or empty.

    Args:
        out: may be missing.
        command: what the user typed, for the message.

    Raises:
        UsageError: it is or lies in a run, or there is something in it.
    """
    refuse_runs(out, command=command)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{command}: {out} is there already; name another folder with out=FOLDER")


def list_names(path: Path) -> list[str]:
    """Names in a directory, unordered; none where the directory does not exist.

    A listing, not a stat per name: opening a directory makes NFS ask its server, where a stat may
    be answered from a cache that is a minute old.

    Raises:
        StorageError: it cannot be read.
    """
    try:
        with os.scandir(path) as entries:
            return [entry.name for entry in entries]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise storage_unfit("list", path, error) from error


def remove(path: Path) -> None:
    """Remove a file; that another process has done so already is fine.

    Raises:
        StorageError: it cannot be removed.
    """
    with storage("remove", path):
        path.unlink(missing_ok=True)


def remove_scratch(folder: Path) -> None:
    """Remove a folder that nobody needs, as far as that is possible.

    A file system may refuse it once, and who comes later may not look here: it is tried twice.
    """
    shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        shutil.rmtree(folder, ignore_errors=True)


def partial_of(path: Path) -> Path:
    """The hidden name beside a file or folder under which it is made."""
    return path.with_name(f".{path.name}{PARTIAL}")


def sha256_of(path: Path) -> str:
    """Checksum of a file in hexadecimal, read in pieces.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sync_file(path: Path) -> None:
    """Make the bytes of a closed file durable.

    Raises:
        OSError: it cannot be synced.
    """
    with path.open("rb") as file:
        os.fsync(file.fileno())


def sync_directory(path: Path) -> None:
    """Make the names in a directory durable.

    File systems that cannot sync a directory (``EINVAL``: some FUSE and network ones) order names
    themselves.

    Raises:
        StorageError: it cannot be synced.
    """
    with storage("sync", path):
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
        finally:
            os.close(descriptor)


def write_fully(descriptor: int, data: bytes) -> None:
    """Write all of ``data``: a short write comes before the error that explains it.

    Raises:
        OSError: it cannot be written.
    """
    written = os.write(descriptor, data)
    while written < len(data):
        written += os.write(descriptor, data[written:])


def write_whole(path: Path, data: bytes, *, mode: int = 0o666) -> None:
    """Write a file so that readers see all or nothing: other name, flush, rename.

    Args:
        path: of the file.
        data: all of it.
        mode: of a new file, less the umask; ``0o600`` for what only its owner may read.

    Raises:
        StorageError: it cannot be written.
    """
    partial = partial_of(path)
    with storage("write", path):
        try:
            _write_durably(partial, data, mode)
            partial.replace(path)
        except OSError:
            with suppress(OSError):  # the first error is the one to tell
                partial.unlink(missing_ok=True)
            raise


def _write_durably(path: Path, data: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        if mode == PRIVATE:  # one that an earlier process left may be open to others
            os.fchmod(descriptor, mode)
        write_fully(descriptor, data)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_together(out: Path, files: Mapping[str, bytes]) -> None:
    """Write files that belong together: the first gets its name when all are on the disk.

    Args:
        out: folder, made where it is missing; other files in it stay.
        files: name → all of the file.

    Raises:
        StorageError: one of them cannot be written, or one cannot be renamed.
    """
    if not out.exists():
        with new_folder(out) as building:
            _write_all(building, files)
        return
    staged = partial_of(out / "together")
    try:
        make_directory(staged)
        _write_all(staged, files)
        for name in files:
            with storage("write", out / name):
                (staged / name).replace(out / name)
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def _write_all(folder: Path, files: Mapping[str, bytes]) -> None:
    for name, content in files.items():
        write_whole(folder / name, content)


@contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """Make a folder so that others see all of it or nothing: other name, flush, rename.

    What a killed process left under the other name is removed first.

    Args:
        out: missing or empty.

    Yields:
        The folder to write to.

    Raises:
        StorageError: it cannot be written.
    """
    building = partial_of(out.absolute())
    with storage("make the folder", building):
        if building.is_dir():
            shutil.rmtree(building)
        building.mkdir(parents=True)
    try:
        yield building
        for path in building.rglob("*"):
            if path.is_file():
                with storage("sync", path):
                    sync_file(path)
        with storage("rename to", out):
            building.rename(out)
    except BaseException:
        shutil.rmtree(building, ignore_errors=True)
        raise
    with suppress(StorageError):  # it is whole, and stands: to fail now would refuse it for ever
        sync_directory(out.absolute().parent)
