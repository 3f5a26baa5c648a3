"""Parts: the finished rows of a unit, under a name that can exist only once.

A part is written to a temporary file beside it, synced, and hard-linked to
``parts/unit-000000.parquet``. The link decides: the first one wins, on every file system where
leases work at all, and later ones are discarded. A file system without links has another way,
which needs no more than renaming.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq

from tsdg.engine.file_system import NO_LINKS
from tsdg.engine.leases import CLOCK, Lease
from tsdg.engine.units import parse_name, unit_name
from tsdg.errors import StorageError, VerificationError
from tsdg.layout import PARTS
from tsdg.storage import list_names, remove, storage, storage_unfit, sync_directory

_HELD, _PART = ".held", ".part"
"""Files in the claim of a unit where there are no links."""
_PREFIX, _SUFFIX = "unit-", ".parquet"
_LAYOUT_KEY = b"tsdg.input_layout"

Commit = Literal["committed", "late", "lost"]
"""``committed``: our part counts. ``late``: another process was first. ``lost``: the unit is no
longer ours."""


def part_path(parts: Path, index: int) -> Path:
    """Where the part of a unit lies in ``parts/``."""
    return parts / f"{unit_name(index)}{_SUFFIX}"


def committed_units(parts: Path) -> frozenset[int]:
    """The units whose part is there.

    Raises:
        StorageError: the directory cannot be read.
    """
    # Thousands of names, looked at again and again: compared as text, and not by a pattern.
    names = (
        name for name in list_names(parts) if name.startswith(_PREFIX) and name.endswith(_SUFFIX)
    )
    numbers = (name[len(_PREFIX) : -len(_SUFFIX)] for name in names)
    return frozenset(int(number) for number in numbers if _is_unit(number))


def _is_unit(number: str) -> bool:
    """Whether a text is a unit's number: six digits, or more that do not begin with 0."""
    if not (number.isascii() and number.isdecimal()):
        return False
    return len(number) == 6 or (len(number) > 6 and number[0] != "0")


def is_committed(parts: Path, index: int) -> bool:
    """Whether the part of a unit is there: one look-up, however many parts there are.

    The directory is opened for this, as for a listing. Then NFS asks its server; a stat of the name
    may be answered from a cache that does not have it yet.

    Raises:
        StorageError: the directory cannot be read.
    """
    path = part_path(parts, index)
    try:
        directory = os.open(parts, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.stat(path.name, dir_fd=directory)
        finally:
            os.close(directory)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise storage_unfit("look for the part", path, error) from error
    return True


def commit_part(*, parts: Path, lease: Lease, token: str, table: pa.Table, layout: str) -> Commit:
    """Write the part of a unit, unless it is no longer ours to write.

    Args:
        parts: the ``parts/`` folder.
        lease: on the unit.
        token: of this process; keeps its temporary apart from those of others.
        table: the rows in the order of the input.
        layout: digest of the way the input is cut.

    Raises:
        StorageError: it cannot be written; nothing of it is left.
    """
    final = part_path(parts, lease.index)
    temporary = parts / f".{unit_name(lease.index)}.g{lease.generation}.{token}.tmp"
    _remove_fenced(parts, lease)
    try:
        with storage("write", temporary):
            _write(temporary, table.replace_schema_metadata({_LAYOUT_KEY: layout.encode()}))
        if not lease.held():
            return "late" if is_committed(parts, lease.index) else "lost"
        with storage("link the part", final):
            outcome = _publish(temporary, final)
    finally:
        remove(temporary)
    if outcome == "committed":
        sync_directory(parts)
    return outcome


def _publish(temporary: Path, final: Path) -> Commit:
    """Give the part its name, unless another one has it."""
    try:
        os.link(temporary, final)
    except FileExistsError:
        # NFS may repeat a link whose answer got lost: then it is our own file that is there
        # already.
        return "committed" if temporary.samefile(final) else "late"
    except FileNotFoundError:
        return "lost"  # the temporary was removed by the next holder, which has fenced us off
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        return _publish_by_folder(temporary, final)
    return "committed"


def _publish_by_folder(temporary: Path, final: Path) -> Commit:
    """The same where there are no links: a folder is not renamed over one that holds something.

    The part goes into a folder, which takes the unit's claim as its name, and from there to its
    own. Who finds a claim ends that move, whoever began it. The claim stays, with a file in it, so
    that a process that comes late never replaces a part.
    """
    claim = final.with_name(f".claim-{final.stem}")
    mine = final.with_name(f".claim-{temporary.name.lstrip('.')}")
    mine.mkdir()
    try:
        (mine / _HELD).touch()
        temporary.rename(mine / _PART)
        try:
            mine.rename(claim)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
            _end_move(claim, final)
            return "late"
    except FileNotFoundError:
        return "lost"
    finally:
        shutil.rmtree(mine, ignore_errors=True)
    _end_move(claim, final)
    return "committed"


def _end_move(claim: Path, final: Path) -> None:
    with suppress(FileNotFoundError):  # somebody else did
        (claim / _PART).rename(final)


def sweep(directories: tuple[Path, ...], committed: frozenset[int]) -> None:
    """Remove what committed units no longer need, and all clock files, whoever left them.

    These are leases, journals and temporary files. A process still at work on such a unit could
    only commit too late, and notices that.

    Args:
        directories: any of ``leases/``, ``journal/`` and ``parts/``.
        committed: units with a part.

    Raises:
        StorageError: a file cannot be removed.
    """
    for directory in directories:
        for name in _unfinished(list_names(directory)):
            file = parse_name(name)
            if name.startswith(CLOCK) or (file is not None and file.index in committed):
                remove(directory / name)


def part_layout(path: Path) -> str:
    """Digest of the input's cut that a part was made from; reads only the footer.

    Raises:
        VerificationError: the part is damaged.
    """
    try:
        metadata = pq.read_schema(path).metadata or {}
    except (OSError, pa.ArrowException) as error:
        raise _damaged(path, error) from error
    return str(metadata.get(_LAYOUT_KEY, b"").decode())


def read_parts(directory: Path) -> Iterator[pa.Table]:
    """The parts of a phase in the order of its units, one at a time, page checksums verified.

    Args:
        directory: of the phase (the one that holds ``parts/``).

    Raises:
        VerificationError: a part is damaged.
        StorageError: the directory cannot be read.
    """
    parts = directory / PARTS
    for index in sorted(committed_units(parts)):
        path = part_path(parts, index)
        try:
            with pq.ParquetFile(path, page_checksum_verification=True) as file:
                table = file.read()
        except (OSError, pa.ArrowException) as error:
            raise _damaged(path, error) from error
        yield table.replace_schema_metadata(None)


def _unfinished(names: list[str]) -> list[str]:
    """The names that are not those of parts."""
    return [name for name in names if not name.endswith(_SUFFIX)]


def _write(path: Path, table: pa.Table) -> None:
    # Through our own file, so that every error of the storage shows up here, also those that come
    # only with the sync.
    with path.open("xb") as file:
        pq.write_table(table, file, compression="zstd", write_page_checksum=True)
        file.flush()
        os.fsync(file.fileno())


def _remove_fenced(parts: Path, lease: Lease) -> None:
    """Remove temporary files of the unit's earlier holders: dead, or fenced off."""
    if not lease.generation:
        return  # there were none, and to list thousands of parts takes its time
    for name in _unfinished(list_names(parts)):
        file = parse_name(name)
        if (
            file is not None
            and file.index == lease.index
            and 0 <= file.generation < lease.generation
        ):
            remove(parts / name)


def _damaged(path: Path, error: Exception) -> StorageError | VerificationError:
    if isinstance(error, PermissionError):
        return storage_unfit("read", path, error)
    reason = " ".join(str(error).split())
    return VerificationError(
        f"the part {path} is damaged: {reason}: delete it and resume the run, its rows are then "
        "made again"
    )
