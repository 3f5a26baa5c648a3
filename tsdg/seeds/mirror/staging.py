"""Unfinished fetches of a prefetch: ``<mirror>/.prefetch``.

Files have names by content there, and none ends in ``.parquet``: readers of the mirror see whole
splits only, and an interrupted fetch continues where it stopped. The splits of each commit are
noted, so that the next call need not ask the hub.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

import orjson

from tsdg.errors import MachineError, RunConflictError, StorageError
from tsdg.seeds.mirror import identity, pins
from tsdg.seeds.mirror.hub_form import HubFile
from tsdg.seeds.mirror.join_parquet import join
from tsdg.seeds.mirror.layouts import Layout
from tsdg.seeds.mirror.needed_splits import Want, plain
from tsdg.seeds.mirror.pins import Origin, Pin
from tsdg.seeds.mirror.source_files import SourceFile, sources_of, to_parquet
from tsdg.storage import make_directory, sha256_of, storage


@dataclass(frozen=True, slots=True, kw_only=True)
class StagedFile:
    """A split to fetch, which the pinned commit has."""

    want: Want
    path: Path
    """Its place in the mirror."""
    hub_config: str
    files: tuple[HubFile, ...]
    """In the order of their rows."""

    @property
    def source(self) -> SourceFile | None:
        """What its file is, where it is no Parquet."""
        named = (plain(self.want.config), self.want.split)
        return next(
            (
                one
                for one in sources_of(self.want.dataset_path)
                if (plain(one.config), one.split) == named
            ),
            None,
        )


class Origins(Protocol):
    """Where files come from: a hub, or GitHub."""

    def download(
        self,
        dataset: str,
        commit: str,
        file: HubFile,
        part: Path,
        *,
        on_bytes: Callable[[int], None],
    ) -> None:
        """Bring a file here, whole and right."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged:
    """A split that is here, whole and checked, but not yet in its place."""

    path: Path
    origin: Origin


def stage(
    hub: Origins,
    mirror: Path,
    dataset: str,
    pin: Pin,
    item: StagedFile,
    *,
    tell: Callable[[str], None],
) -> Staged:
    """Bring one split here, or what is still missing of it.

    Args:
        hub: where it comes from.
        mirror: the mirror's folder.
        dataset: hub path.
        pin: the data set's commit.
        item: the split.
        tell: called with a short line on how far it is.

    Raises:
        MirrorError: its bytes are wrong, or no Parquet file.
        MachineError: the hub does not give it, or cannot be reached.
        StorageError: the disk is full, or the mirror cannot be written.
    """
    folder = _work(mirror, dataset, pin.commit)
    make_directory(folder)
    whole = folder / f"{item.hub_config}+{item.want.split}.whole"
    note = whole.with_suffix(".source")
    known = _staged(whole, note)
    if known is not None:
        return known
    size, done = sum(max(file.bytes, 0) for file in item.files), 0
    parts: list[Path] = []
    for file in item.files:

        def told(have: int, before: int = done) -> None:
            tell(f"{item.want.name}: {megabytes(before + have)} of {megabytes(size)} MB")

        parts.append(folder / f"{file.key}.part")
        hub.download(dataset, pin.commit, file, parts[-1], on_bytes=told)
        done += file.bytes
    if item.source is None:
        rows = join(parts, whole, item.want.name)
    else:
        rows = to_parquet(parts[0], whole, item.source)
    with storage("read", whole):
        stat, digest = whole.stat(), sha256_of(whole)
    origin = Origin(
        dataset_path=dataset,
        config=item.want.config or "default",
        hub_config=item.hub_config,
        split=item.want.split,
        ref=pin.ref,
        revision=pin.commit,
        files=item.files,
        rows=rows,
        bytes=stat.st_size,
        mtime_ns=stat.st_mtime_ns,
        sha256=digest,
    )
    pins.write_origin(note, origin)
    if item.source is None or not item.source.member:  # a zip has further splits
        for part in parts:
            with storage("remove", part):
                part.unlink(missing_ok=True)
    return Staged(path=whole, origin=origin)


def _staged(whole: Path, note: Path) -> Staged | None:
    """A split that an earlier call left here, ready."""
    if not (whole.is_file() and note.is_file()):
        return None
    origin, stat = pins.read_origin(note), whole.stat()
    same = origin is not None and (origin.bytes, origin.mtime_ns) == (
        stat.st_size,
        stat.st_mtime_ns,
    )
    return Staged(path=whole, origin=origin) if same and origin is not None else None


def publish(mirror: Path, item: StagedFile, ready: Staged) -> None:
    """Put a split in its place; that of another commit is kept, for the runs that read it.

    Raises:
        StorageError: the mirror cannot be written.
    """
    make_directory(item.path.parent)
    with suppress(FileNotFoundError):
        before = pins.read_origin(pins.origin_path(item.path))
        if before is not None and pins.look(item.path, "", full=False)[0] == "present":
            identity.keep(mirror, item.path, before.sha256)
    # The source first: a file without one would be taken for somebody else's, one that does not fit
    # is fetched anew.
    pins.write_origin(pins.origin_path(item.path), ready.origin)
    with storage("write", item.path):
        ready.path.replace(item.path)


def require_space(mirror: Path, commit: str, dataset: str, items: Sequence[StagedFile]) -> None:
    """Refuse to begin what the disk cannot hold.

    Several files of one split lie there twice while they are joined.

    Raises:
        StorageError: the disk is too small.
    """
    needed = sum(
        max(file.bytes, 0) * (2 if len(item.files) > 1 or item.source else 1)
        for item in items
        for file in item.files
    )
    with storage("look at", mirror):
        here = sum(entry.stat().st_size for entry in _work(mirror, dataset, commit).glob("*"))
        free = shutil.disk_usage(mirror).free
    if needed > free + here:
        raise StorageError(
            f"{mirror}: {dataset} needs {megabytes(needed - here)} MB, free are {megabytes(free)} "
            "MB; free some space, "
            "then start again: what was fetched is kept"
        )


def notes(mirror: Path, dataset: str, commit: str) -> Path:
    """Return where the splits of a commit are noted."""
    return mirror / ".prefetch" / dataset / f"{commit}.json"


def note_layout(mirror: Path, dataset: str, commit: str, layout: Layout) -> None:
    """Note the splits of a commit, which never change.

    Raises:
        StorageError: the mirror cannot be written.
    """
    pins.write_json(notes(mirror, dataset, commit), asdict(layout))


def cached_layout(mirror: Path, dataset: str, commit: str) -> Layout | None:
    """Return a commit's splits as they were noted; None if they are not, or not readably."""
    try:
        values = orjson.loads(notes(mirror, dataset, commit).read_bytes())
        configs = {
            config: {
                split: tuple(HubFile(**file) for file in files) for split, files in splits.items()
            }
            for config, splits in values["configs"].items()
        }
        return Layout(
            configs=configs, doubts=dict(values["doubts"]), default=str(values["default"])
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def tidy(mirror: Path, dataset: str, commit: str) -> None:
    """Take away what was under way for a data set, now that it is done.

    Only the notes of its commit stay.
    """
    for entry in (mirror / ".prefetch" / dataset).glob("*"):
        if entry.suffix == ".work":
            shutil.rmtree(entry, ignore_errors=True)
        elif entry != notes(mirror, dataset, commit):
            with storage("remove", entry):
                entry.unlink(missing_ok=True)


@contextmanager
def alone(mirror: Path) -> Iterator[None]:
    """Keep a second prefetch out of a mirror.

    Raises:
        RunConflictError: there is one.
        StorageError: the mirror cannot be written.
        MachineError: its file system cannot lock.
    """
    folder = mirror / ".prefetch"
    make_directory(folder)
    with storage("write", folder / "lock"):
        handle = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
                raise RunConflictError(
                    f"{mirror}: another `tsdg seeds prefetch` is at work in it; wait for it"
                ) from None
            raise MachineError(
                f"{mirror}: its file system cannot lock ({error.strerror}); prefetch to another "
                "one and copy it"
            ) from None
        yield
    finally:
        os.close(handle)


def megabytes(size: int) -> str:
    """Return a size as it is shown."""
    return f"{size / 1e6:,.1f}"


def _work(mirror: Path, dataset: str, commit: str) -> Path:
    return mirror / ".prefetch" / dataset / f"{commit}.work"
