"""Splits that are no Parquet at their source: fetched as they are, then stored as Parquet.

``source_files.csv`` names, for each split, the repository (``hub``: the data set's own; or
``github:OWNER/NAME`` at a commit), the file in it, the member of a zip, and the form. Files of
GitHub are pinned there with their size and checksum; those of the hub are pinned as all its files
are, when they are first fetched.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

import orjson

from tsdg.errors import MirrorError, shown
from tsdg.seeds.catalogue.tables import table
from tsdg.seeds.mirror.hub_form import HubFile
from tsdg.seeds.mirror.hub_requests import HubRequest, Patience, Requests
from tsdg.seeds.mirror.layouts import Layout
from tsdg.seeds.mirror.pins import Pin
from tsdg.storage import storage, sync_file

GITHUB = "https://raw.githubusercontent.com"
"""Where files of GitHub are; ``TSDG_GITHUB`` names a mirror of it."""
UNKNOWN_SIZE = -1
"""Of a file of which only the checksum is known."""
_LINE = 64 << 20
"""Bytes of one line."""
_GROUP_ROWS = 1000
_MARK = re.compile(r"^[A-D]\s*[.．、:：]\s*")

Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """A split in a file of its own form."""

    dataset_path: str
    config: str
    split: str
    repository: str
    commit: str
    member: str
    form: str
    file: HubFile

    @property
    def on_github(self) -> bool:
        """Whether it lies on GitHub; else in the data set's own repository on the hub."""
        return self.repository != "hub"


@cache
def _by_dataset() -> Mapping[str, tuple[SourceFile, ...]]:
    out: dict[str, list[SourceFile]] = {}
    for row in table("source_files.csv"):
        file = HubFile(
            path=row["path"],
            bytes=int(row["bytes"] or UNKNOWN_SIZE),
            sha256=row["sha256"],
            git_oid=row["git_oid"],
        )
        names = ("dataset_path", "config", "split", "repository", "commit", "member", "form")
        one = SourceFile(file=file, **{name: row[name] for name in names})
        out.setdefault(one.dataset_path, []).append(one)
    return {dataset: tuple(files) for dataset, files in out.items()}


def sources_of(dataset: str) -> tuple[SourceFile, ...]:
    """Return the splits of a data set that are fetched as files; mostly none."""
    return _by_dataset().get(dataset, ())


def github_pin(dataset: str) -> Pin | None:
    """Return the commit on GitHub that a data set is read at; None where it is not read there."""
    here = sources_of(dataset)
    if not here or not here[0].on_github:
        return None
    return Pin(ref=here[0].repository, commit=here[0].commit)


def source_layout(dataset: str, listed: Mapping[str, HubFile]) -> Layout:
    """Return the splits of a data set that is fetched as files.

    Args:
        dataset: hub path.
        listed: the files of its commit on the hub, by path; none for GitHub.
    """
    configs: dict[str, dict[str, tuple[HubFile, ...]]] = {}
    for one in sources_of(dataset):
        file = one.file if one.on_github else listed.get(one.file.path)
        splits = configs.setdefault(one.config or "default", {})
        if file is not None:
            splits[one.split] = (file,)
    default = "default" if "default" in configs else ""
    return Layout(configs=configs, default=default)


class GitHubFiles:
    """Downloads files of a repository on GitHub, as :class:`~tsdg.seeds.mirror.hub.Hub` does."""

    def __init__(
        self, *, patience: Patience | None = None, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        """Prepare; nothing is asked for.

        Raises:
            MachineError: ``TSDG_GITHUB`` is no address.
        """
        self._requests = Requests(
            os.environ.get("TSDG_GITHUB") or GITHUB,
            patience=patience or Patience(),
            sleep=sleep,
            private=False,
        )

    def download(
        self,
        dataset: str,
        commit: str,
        file: HubFile,
        part: Path,
        *,
        on_bytes: Callable[[int], None],
    ) -> None:
        """Bring a file here, and check its checksum: as a hub does.

        Raises:
            DatasetRefusedError: the file is gone.
            MirrorError: the bytes are wrong twice.
            MachineError: GitHub cannot be reached, or fails again and again.
            StorageError: the disk is full, or the folder cannot be written.
        """
        place = sources_of(dataset)[0].repository.removeprefix("github:")
        asked = HubRequest(
            url=f"{self._requests.endpoint}/{place}/{commit}/{quote(file.path)}",
            what=f"{file.path} of {place} at {commit[:12]}",
            page=f"https://github.com/{place}",
        )
        self._requests.download(asked, file, part, on_bytes=on_bytes)


def to_parquet(part: Path, target: Path, source: SourceFile) -> int:
    """Store the rows of a file as Parquet.

    Args:
        part: the file as it was fetched.
        target: the new file; appears when it is whole.
        source: says what it is.

    Returns:
        Its rows.

    Raises:
        MirrorError: the file has not the form that it should have.
        StorageError: the disk is full, or the folder cannot be written.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    growing = target.with_name(f"{target.name}.growing")
    count, schema = 0, None
    with storage("write", growing), growing.open("wb") as out, _told(source):
        writer = None
        rows = read_source(part, source)
        while chunk := list(islice(rows, _GROUP_ROWS)):
            schema = schema or _schema(pa.Table.from_pylist(chunk).schema)
            made = pa.Table.from_pylist(chunk, schema=schema)
            writer = writer or pq.ParquetWriter(out, schema, compression="zstd")
            writer.write_table(made)
            count += len(chunk)
        if writer is None:
            raise ValueError("it holds no row")
        writer.close()
    with storage("write", target):
        sync_file(growing)
        growing.replace(target)
    return count


def _schema(found: Any) -> Any:
    """A schema in which a column that is empty so far may hold text later."""
    import pyarrow as pa

    return pa.schema(
        [field.with_type(pa.string()) if pa.types.is_null(field.type) else field for field in found]
    )


def read_source(part: Path, source: SourceFile) -> Iterator[Row]:
    """Yield the rows of a file, in the columns that the family's reader takes.

    Raises:
        ValueError: the file has not its form.
    """
    with _content(part, source.member) as content:
        yield from _FORMS[source.form](content)


@contextmanager
def _content(part: Path, member: str) -> Iterator[IO[bytes]]:
    if not member:
        with part.open("rb") as content:
            yield content
        return
    with zipfile.ZipFile(part) as archive, archive.open(member) as content:
        yield content


@contextmanager
def _told(source: SourceFile) -> Iterator[None]:
    """Say in one line that a file has not its form."""
    import pyarrow as pa

    try:
        yield
    except (
        ValueError,
        LookupError,
        TypeError,
        EOFError,
        RecursionError,
        zipfile.BadZipFile,
        pa.ArrowException,
    ) as e:
        reason = shown(" ".join(str(e).split())[:200])
        inside = f", {source.member}" if source.member else ""
        raise MirrorError(
            f"{source.file.path}{inside} of {source.dataset_path}: not in its form "
            f"{source.form} ({reason}), though its checksum is right; report it"
        ) from None


def _lines(content: IO[bytes]) -> Iterator[bytes]:
    while line := content.readline(_LINE):
        if len(line) >= _LINE:
            raise ValueError(f"a line is longer than {_LINE:,} bytes")
        yield line


def _jsonl(content: IO[bytes]) -> Iterator[Row]:
    for line in _lines(content):
        if line.strip():
            # pandas writes NaN for what is missing, which is no JSON.
            row = json.loads(line, parse_constant=lambda _: None)
            if not isinstance(row, dict):
                raise ValueError("a line is no JSON object")
            yield row


def _ar_lsat(content: IO[bytes]) -> Iterator[Row]:
    """One row for each question on a passage."""
    for entry in orjson.loads(content.read()):
        for question in entry["questions"]:
            yield {
                "id": question["id"],
                "passage": entry["passage"],
                "question": question["question"],
                "options": question["options"],
                "answer": question["answer"],
            }


def _logiqa(content: IO[bytes]) -> Iterator[Row]:
    """Eight lines a question: an empty one, the letter, the text, the question, four options."""
    lines = [line.decode("utf-8").strip() for line in _lines(content)]
    while lines and not lines[-1]:
        lines.pop()
    for start in range(0, len(lines), 8):
        block = lines[start : start + 8]
        if len(block) != 8 or block[0].strip("\ufeff") or block[1].lower() not in "abcd":
            raise ValueError(f"lines {start + 1} to {start + 8} are no question")
        yield {
            "context": block[2],
            "question": block[3],
            "options": [_MARK.sub("", option) for option in block[4:]],
            "label": block[1].lower(),
        }


def _review_tsv(content: IO[bytes]) -> Iterator[Row]:
    """A review and its sentiment a line; the first column is named after its language."""
    text = io.StringIO(content.read().decode("utf-8"), newline="")
    rows = csv.reader(text, delimiter="\t", quoting=csv.QUOTE_MINIMAL)
    head = next(rows, [])
    if len(head) != 2 or not head[0].endswith("review"):
        raise ValueError(f"its columns are {head}")
    for row in rows:
        if len(row) != 2:
            raise ValueError(f"a line has {len(row)} columns")
        yield {"review": row[0], "label": row[1]}


_FORMS: Mapping[str, Callable[[IO[bytes]], Iterator[Row]]] = {
    "jsonl": _jsonl,
    "ar_lsat": _ar_lsat,
    "logiqa": _logiqa,
    "review_tsv": _review_tsv,
}
