"""Which items also stand in a held-out split of the mirror.

Held out is every file of the mirror that is no proven training unit of the catalogue: tests,
validations, few-shot exemplars, and splits that are called train but are scored. Their items are
rendered as seeds are and kept as hashes only; where no adapter knows a data set, its columns are
read by their names (``data/columns.yaml``), and every longer text in the row counts as a possible
question.

When two items count as the same or nearly the same, :mod:`tsdg.seeds.heldout.index` says. Generated
questions are compared with the same index, and with further benchmark files that a recipe names.

The hashes of a file are cached by its content and by the code that renders it, lm-eval's version
included, so that only new files are read again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache as memoised
from importlib import metadata, resources
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
import yaml

from tsdg import cache
from tsdg.errors import MachineError, MirrorError, RecipeError, looked_in
from tsdg.seeds.catalogue.load import load
from tsdg.seeds.families.renderers import own_files, renderer_for
from tsdg.seeds.heldout.index import DOC, RUN, LeakIndex, Piece, index_items
from tsdg.seeds.mirror.parquet_files import BATCH_ROWS
from tsdg.seeds.mirror.split_files import SplitFile, all_splits
from tsdg.seeds.rows.item import Item, MalformedRowError
from tsdg.seeds.rows.keys import SPECIFIC, ItemKeys, keys, normalise, weight
from tsdg.seeds.rows.templates import split_prompt

if TYPE_CHECKING:
    from tsdg.seeds.catalogue.model import Catalogue, Unit


_DIGEST, _HEAD = 32, 48
"""Bytes of a cache file before its two counts, rows and items, and with these before its arrays."""


@memoised
def _column_names() -> Mapping[str, list[str]]:
    data = (resources.files("tsdg.seeds.heldout") / "data/columns.yaml").read_text(encoding="utf-8")
    names: dict[str, list[str]] = yaml.safe_load(data)
    return names


def generic_items(row: Mapping[str, Any]) -> Iterator[Item]:
    """Guess what a row of an unknown data set asks.

    By the names of its columns, and every longer text by itself.
    """
    names = _column_names()
    question = _first(row, names["question"])
    context = _first(row, names["context"])
    options = _options(row, names["options"])
    if question:
        yield Item(question=question, context=context, options=options)
    for column, value in row.items():
        taken = (question and value == question) or (question and value == context)
        if isinstance(value, str) and not taken and column not in names["ignore"]:
            plain = _unprompted(value)
            if weight(normalise(plain)) >= SPECIFIC:
                yield Item(question=plain)


def _first(row: Mapping[str, Any], columns: list[str]) -> str:
    for column in columns:
        value = row.get(column)
        if isinstance(value, str) and value.strip():
            return _unprompted(value)
    return ""


def _options(row: Mapping[str, Any], columns: list[str]) -> tuple[str, ...]:
    for column in columns:
        value = row.get(column)
        if isinstance(value, Mapping):
            value = value.get("text")
        if (
            isinstance(value, (list, tuple))
            and value
            and all(isinstance(entry, str) for entry in value)
        ):
            return tuple(value)
    return ()


def _unprompted(value: str) -> str:
    """Take the scaffolding off a column that holds a whole prompt, as AGIEval's ``query`` does."""
    value = value.split("Answer Choices:")[0]
    return split_prompt(value)[1] or value


def held_out_splits(
    root: Path, catalogue: Catalogue, seeded: Collection[Unit] = ()
) -> list[SplitFile]:
    """List the splits of a mirror that are no proven training unit.

    Args:
        root: the mirror's folder.
        catalogue: says what is proven.
        seeded: units of tier B that give seeds here; a split is not held out from itself.
    """
    # A mirror does not tell the default config from one that is named "default", as that of
    # hitachi-nlp/FLD.v2 is. Units of tier B are exemplars of a scored set, or leak into one: held
    # out for all others.
    proven = {
        (unit.dataset_path, unit.config or "default", unit.split)
        for unit in catalogue.units
        if catalogue.family(unit.family).tier != "B" or unit in seeded
    }
    return [
        split
        for split in all_splits(root)
        if (split.dataset_path, split.config or "default", split.split) not in proven
    ]


def check_files(files: Sequence[str], *, ngram: int) -> list[Piece]:
    """Read benchmark files, before anything starts; the second time it is from the cache.

    Args:
        files: ``filter.decontaminate.files``.
        ngram: words of a run.

    Returns:
        The items of each file.

    Raises:
        RecipeError: one is not there, of another kind, cannot be read, or holds nothing to compare
            with.
    """
    pieces = []
    for file in files:
        if not file.endswith((".parquet", ".jsonl")):
            raise RecipeError(
                f"filter.decontaminate.files: {file}; allowed: files *.parquet and *.jsonl"
            )
        if not Path(file).is_file():
            raise RecipeError(
                f"filter.decontaminate.files: there is no file {file}{looked_in(file)}; name one, "
                "or leave it out"
            )
        split = SplitFile(path=Path(file), dataset_path="", config="", split=Path(file).stem)
        try:
            piece = _piece(_Held(file, split.pinned(), None), load(), ngram)
        except MirrorError as error:
            raise RecipeError(
                f"filter.decontaminate.files: {file} cannot be read as a table; correct it, "
                "or leave it out"
            ) from error
        if not len(piece.docs):
            raise RecipeError(
                f"filter.decontaminate.files: {file} holds no item to compare with, in "
                f"{piece.rows} rows: nothing in "
                "them reads as a question; leave it out"
            )
        pieces.append(piece)
    return pieces


def build_index(
    root: Path | None,
    catalogue: Catalogue,
    *,
    ngram: int,
    overlap: float,
    files: Sequence[str] = (),
    seeded: Collection[Unit] = (),
    revisions: Mapping[str, str] | None = None,
) -> LeakIndex:
    """Index the held-out items of a mirror, and of benchmark files.

    Without a mirror there are none but these.

    Args:
        root: the mirror's folder, or None.
        catalogue: says which splits are proven training units, and how data sets are rendered.
        ngram: words of a run (see :mod:`tsdg.seeds.heldout.index`).
        overlap: share of the runs from which two items are nearly the same.
        files: further benchmarks, ``*.parquet`` or ``*.jsonl``; every row of them is held out.
        seeded: see :func:`held_out_splits`.
        revisions: of :func:`held_out_revisions`: the splits that are compared with, each at its
            revision; None for those of now.

    Raises:
        MirrorError: a held-out file is unreadable (leaving it out would hide its leaks), or no
            longer at its revision.
        RecipeError: a benchmark file is missing or no such file.
        StorageError: the cache cannot be written.
    """
    by_set: dict[str, list[Unit]] = {}
    for unit in catalogue.units:
        by_set.setdefault(unit.dataset_path, []).append(unit)
    pieces = []
    for split in _held_out(root, catalogue, seeded, revisions):
        units = by_set.get(split.dataset_path, [])
        # The same config where the catalogue knows it, else any unit of the data set: its columns
        # are the same.
        best = next(
            (unit for unit in units if unit.config == split.config), units[0] if units else None
        )
        pieces.append(_piece(_Held(split.name, split, best), catalogue, ngram))
    pieces += check_files(files, ngram=ngram)
    return LeakIndex(pieces, ngram=ngram, overlap=overlap)


def held_out_revisions(root: Path, catalogue: Catalogue) -> dict[str, str]:
    """Return the held-out splits of a mirror, those of tier B among them, with their revisions.

    Raises:
        MirrorError: one is unreadable, or is not what was fetched.
        StorageError: the cache cannot be written.
    """
    return {split.name: split.fingerprint() for split in held_out_splits(root, catalogue)}


def _held_out(
    root: Path | None,
    catalogue: Catalogue,
    seeded: Collection[Unit],
    revisions: Mapping[str, str] | None,
) -> Iterator[SplitFile]:
    """The held-out splits of a mirror, pinned; without those that came to it later.

    Raises:
        MirrorError: one that was compared with is gone.
    """
    splits = held_out_splits(root, catalogue, seeded) if root else []
    if revisions is None:
        yield from (split.pinned() for split in splits)
        return
    there = {split.name: split for split in splits}
    seeds = {unit.name for unit in seeded}
    for name, revision in revisions.items():
        if name in there:
            yield there[name].pinned(revision)
        elif name not in seeds:
            raise MirrorError(
                f"mirror split {name}: the run compares its seeds and questions with it, and it is "
                f"gone from {root}; put it back"
            )


@dataclass(frozen=True, slots=True)
class _Held:
    """A held-out file."""

    name: str
    split: SplitFile
    unit: Unit | None
    """What renders its rows; None where they are read by the names of their columns."""


def _piece(held: _Held, catalogue: Catalogue, ngram: int) -> Piece:
    split, unit = held.split, held.unit
    how = "" if unit is None else _how(unit, catalogue)
    name = hashlib.sha256(f"{split.fingerprint()}|{how}|{ngram}|{_code()}".encode()).hexdigest()[
        :32
    ]
    path = cache.folder("leaks") / f"{name}.keys"
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        data = b""
    if not _whole(data):
        entries = _Entries(held, catalogue)
        docs, runs = index_items(entries, ngram)
        head = np.array([entries.rows, len(docs)], np.uint64)
        body = head.tobytes() + docs.tobytes() + runs.tobytes()
        data = hashlib.sha256(body).digest() + body
        cache.write(path, data)
    rows, count = np.frombuffer(data, np.uint64, 2, _DIGEST).tolist()
    return Piece(
        name=held.name,
        dataset_path=split.dataset_path,
        rows=rows,
        docs=np.frombuffer(data, DOC, count, _HEAD),
        runs=np.frombuffer(data, RUN, offset=_HEAD + count * DOC.itemsize),
    )


def _whole(data: bytes) -> bool:
    return len(data) >= _HEAD and hashlib.sha256(data[_DIGEST:]).digest() == data[:_DIGEST]


def _how(unit: Unit, catalogue: Catalogue) -> str:
    """What decides how a unit's rows are rendered, beside the package's own code."""
    family = catalogue.family(unit.family)
    own = hashlib.sha256(repr(own_files([unit.family])).encode()).hexdigest()
    return f"{family.adapter}|{unit.config}|{unit.language}|{unit.yaml}|{own}"


@memoised
def _code() -> str:
    """Fingerprint of what decides the hashes.

    Code and tables of tsdg, and the lm-eval whose templates it renders.
    """
    seeds = Path(__file__).parents[1]
    files = [seeds.parent / "text.py", *seeds.glob("mirror/*_files.py")]
    for room in ("rows", "families", "heldout"):
        files += [*seeds.glob(f"{room}/*.py"), *seeds.glob(f"{room}/data/*.yaml")]
    total = hashlib.sha256(_lm_eval().encode())
    for file in sorted(files):
        total.update(file.read_bytes())
    return total.hexdigest()


def _lm_eval() -> str:
    """Version of lm-eval.

    Empty where there is none, and its data sets are read by the names of their columns.
    """
    try:
        return metadata.version("lm-eval")
    except metadata.PackageNotFoundError:
        return ""


class _Entries:
    """The row and keys of each item of a held-out file.

    Attributes:
        rows: of the file, known when they have been iterated over.
    """

    def __init__(self, held: _Held, catalogue: Catalogue) -> None:
        self._held = held
        self._catalogue = catalogue
        self.rows = 0

    def __iter__(self) -> Iterator[tuple[int, ItemKeys]]:
        asked = self._asked()
        while chunk := list(islice(asked, BATCH_ROWS)):
            yield from zip(
                (number for number, _ in chunk), keys([item for _, item in chunk]), strict=True
            )

    def _asked(self) -> Iterator[tuple[int, Item]]:
        for number, row, item in self._items():
            self.rows += 1
            for one in [item] if item else generic_items(row):
                yield number, one

    def _items(self) -> Iterator[tuple[int, Mapping[str, Any], Item | None]]:
        """Yield the number of each row, the row, and what it asks.

        None for what nothing but its columns tells.
        """
        if self._held.split.path.suffix == ".jsonl":
            yield from ((number, row, None) for number, row in _lines(self._held.split))
            return
        unit: Unit | None = self._held.unit
        renderer = None
        for batch in self._held.split.batches():
            if unit is not None and renderer is None:
                family, columns = (
                    self._catalogue.family(unit.family),
                    frozenset(batch.table.column_names),
                )
                try:
                    renderer = renderer_for(family, unit, columns)
                except MachineError:
                    unit = None  # its columns are then read by name, as for an unknown data set
            documents = (
                renderer.documents(batch.table, batch.rows)
                if renderer
                else [None] * len(batch.rows)
            )
            for number, row, document in zip(batch.numbers, batch.rows, documents, strict=True):
                item = None
                if renderer is not None and document is not None:
                    # A held-out row may hide columns; its texts still count.
                    with suppress(
                        MalformedRowError,
                        KeyError,
                        TypeError,
                        AttributeError,
                        IndexError,
                        ValueError,
                    ):
                        item = renderer.item(document)
                yield number, row, item


def _lines(split: SplitFile) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Read a JSONL file, whose rows may differ in their columns."""
    for number, line in enumerate(split.lines()):
        if not line.strip():
            continue
        try:
            row = orjson.loads(line)
        except orjson.JSONDecodeError:
            row = None
        if not isinstance(row, dict):
            raise RecipeError(
                f"filter.decontaminate.files: line {number + 1} of {split.path} is not a JSON "
                "object; correct it, or leave the file out"
            )
        yield number, row
