"""What a mirror records: one pinned commit for each data set, and the source of each split.

``<mirror>/revisions.json`` pins each data set to one commit of one of its references. Beside each
fetched split, ``<split>.source.json`` says which files of which commit it was made of, and its own
size, time and SHA-256. A split without one was put there by somebody else: it is used as it is, and
never replaced.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import orjson

from tsdg.errors import MirrorError
from tsdg.seeds.mirror.hub_form import HubFile
from tsdg.storage import make_directory, sha256_of, storage, write_whole

State = Literal["present", "foreign", "missing", "damaged", "other_revision"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """Where a data set's splits come from."""

    ref: str
    """The reference that the commit was found at."""
    commit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The source of one split."""

    dataset_path: str
    config: str
    """As in the mirror: ``default`` for the default config."""
    hub_config: str
    """The hub's name of the config."""
    split: str
    ref: str
    revision: str
    """The commit."""
    files: tuple[HubFile, ...]
    rows: int
    bytes: int
    """Of the split's file here."""
    mtime_ns: int
    sha256: str
    """Of the split's file here."""


class Pins:
    """The pinned commits of a mirror."""

    def __init__(self, mirror: Path) -> None:
        """Read them; a mirror without any has none yet.

        Raises:
            MirrorError: the file is there and says nothing.
        """
        self._path = mirror / "revisions.json"
        try:
            datasets = orjson.loads(self._path.read_bytes())["datasets"]
            self._pins = {
                path: Pin(ref=str(pin["ref"]), commit=str(pin["commit"]))
                for path, pin in datasets.items()
            }
        except FileNotFoundError:
            self._pins = {}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            raise MirrorError(
                f"{self._path}: not readable as {{'datasets': {{PATH: {{'ref', 'commit'}}}}}}; put "
                "it back, or delete "
                "it to pin each data set anew at what the hub has now"
            ) from None

    def get(self, dataset: str) -> Pin | None:
        """Return the pin of a data set; None where it has none."""
        return self._pins.get(dataset)

    def set(self, dataset: str, pin: Pin) -> None:
        """Pin a data set, on disk as well.

        Raises:
            StorageError: the file cannot be written.
        """
        self._pins[dataset] = pin
        datasets = {path: asdict(self._pins[path]) for path in sorted(self._pins)}
        write_json(self._path, {"format": 1, "datasets": datasets})


def split_path(mirror: Path, dataset: str, config: str, split: str) -> Path:
    """Return where a split lies; a config of "" is the default one."""
    return mirror / dataset / (config or "default") / f"{split}.parquet"


def origin_path(split: Path) -> Path:
    """Return where the source of a split is told."""
    return split.with_name(f"{split.stem}.source.json")


def read_origin(path: Path) -> Origin | None:
    """Return what ``<split>.source.json`` says; None where it says nothing that can be read.

    Raises:
        FileNotFoundError: there is none.
    """
    try:
        values: dict[str, Any] = orjson.loads(path.read_bytes())
        files = tuple(HubFile(**file) for file in values.pop("files"))
        return Origin(**values, files=files)
    except FileNotFoundError:
        raise
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def write_origin(path: Path, origin: Origin) -> None:
    """Write ``<split>.source.json``.

    Raises:
        StorageError: it cannot be written.
    """
    write_json(path, asdict(origin))


def look(path: Path, commit: str, *, full: bool) -> tuple[State, int]:
    """Compare a split of the mirror with what its source says.

    Args:
        path: of the split.
        commit: that it should be of; "" for any.
        full: read the file and compare its SHA-256 in any case; else only where size and time do
            not tell.

    Returns:
        Its state, and its rows where these are known (else 0).

    Raises:
        StorageError: the file cannot be read.
    """
    try:
        stat = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return "missing", 0
    try:
        origin = read_origin(origin_path(path))
    except FileNotFoundError:
        return "foreign", 0
    if origin is None or origin.bytes != stat.st_size:
        return "damaged", 0
    if full or origin.mtime_ns != stat.st_mtime_ns:
        with storage("read", path):
            if sha256_of(path) != origin.sha256:
                return "damaged", 0
    return ("present" if commit in ("", origin.revision) else "other_revision"), origin.rows


def keep_time(path: Path) -> None:
    """Write down a split's present time, if it is another.

    A copied mirror is then read in full only once.

    Raises:
        StorageError: it cannot be written.
    """
    origin, mtime_ns = read_origin(origin_path(path)), path.stat().st_mtime_ns
    if origin is not None and origin.mtime_ns != mtime_ns:
        write_origin(origin_path(path), replace(origin, mtime_ns=mtime_ns))


def write_json(path: Path, value: object) -> None:
    """Write a JSON file so that a reader, or the next start, sees all of it or the one before.

    Only the holder of the mirror's lock (:func:`tsdg.seeds.mirror.staging.alone`) writes there: two
    would share the partial file.

    Raises:
        StorageError: it cannot be written.
    """
    make_directory(path.parent)
    write_whole(path, orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
