"""What one process does with source rows: judge a span of them, and make seeds of the drawn ones.

A row alone is malformed, leaked, denied or good. Whether it repeats another one, and whether it is
drawn, is decided over all rows (:mod:`tsdg.seeds.draw.collect`). For that, judging leaves a few
bytes of each good row (``GOOD``).
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any

import numpy as np

from tsdg.errors import MirrorError
from tsdg.records import Reason, Seed
from tsdg.seeds.catalogue import guard
from tsdg.seeds.draw.doubts import NO_DOUBTS, Doubts
from tsdg.seeds.draw.selection import TaskSource
from tsdg.seeds.families import renderers
from tsdg.seeds.heldout.index import LeakIndex
from tsdg.seeds.mirror.split_files import Batch
from tsdg.seeds.rows import render
from tsdg.seeds.rows.item import Gold, Item, MalformedRowError, Row
from tsdg.seeds.rows.keys import keys

GOOD = np.dtype(
    [
        ("item", np.uint64),
        ("draw", np.uint64),
        ("row", np.uint32),
        ("passage", np.uint32),
        ("answer", np.uint32),
        ("level", np.uint32),
        ("subject", np.uint32),
        ("seed", "V12"),
    ]
)
"""A good row: hash of its item, its place in the draw, its number in the file; hashes of its
passage and of what rows are balanced by (0 for nothing); its seed id."""
_REFERENCES = 12
"""Rows after a good one that are looked at for further right answers."""

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class TriageJob:
    """A job: judge some rows of a source."""

    source: int
    """Index among the sources of the request."""
    rows: range


@dataclass(frozen=True, slots=True)
class BuildJob:
    """A job: make seeds of some good rows of a source."""

    source: int
    rows: Array
    """Row numbers, ascending."""
    seeds: Array
    """The seed id of each, as judging found it."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A row that is not good."""

    seed_id: str
    reason: Reason
    row: int
    detail: str


@dataclass(frozen=True, slots=True)
class Triaged:
    """What became of the rows of a ``TriageJob`` job: each is refused or good."""

    refusals: list[Refusal]
    good: Array
    """Of ``GOOD``, in file order."""


@dataclass(frozen=True, slots=True)
class BuiltSeeds:
    """The seeds of a ``BuildJob`` job, in file order."""

    seeds: list[Seed]


@dataclass(frozen=True, slots=True)
class _Read:
    """A row that renders."""

    place: int
    source: Row
    document: Row
    seed_id: str
    item: Item
    gold: Gold


Job = TriageJob | BuildJob
JobResult = Triaged | BuiltSeeds


class RowReader:
    """Does jobs, one after the other."""

    def __init__(
        self,
        sources: Sequence[TaskSource],
        index: LeakIndex,
        seed: int,
        doubts: Doubts = NO_DOUBTS,
    ) -> None:
        """Take what the jobs are about.

        Args:
            sources: of the request.
            index: of held-out items.
            seed: of the draw.
            doubts: what is known against rows whose own text says nothing.
        """
        self._sources = sources
        self._index = index
        self._salt = str(seed).encode()[:64]
        self._doubts = doubts
        self._renderers: dict[int, render.Renderer] = {}

    def do(self, job: Job) -> JobResult:
        """Do a job.

        Raises:
            MirrorError: a split is unreadable or lacks a column.
            MachineError: an lm-eval task cannot be loaded.
        """
        return self._judge(job) if isinstance(job, TriageJob) else self._build(job)

    def _renderer(self, number: int) -> render.Renderer:
        if number not in self._renderers:
            source = self._sources[number]
            renderer = renderers.renderer_for(
                source.family, source.unit, frozenset(source.split.columns())
            )
            source.split.check(renderer.columns)
            self._renderers[number] = renderer
            # What is loaded by now stays, and is large. Left to look through it, the collector
            # takes as long as the rest of a row's rendering; left to count it, it would wait for a
            # quarter as much garbage.
            gc.freeze()
        return self._renderers[number]

    def _judge(self, job: TriageJob) -> Triaged:
        out = Triaged([], np.empty(0, GOOD))
        parts = [
            self._judge_batch(job.source, batch, out.refusals)
            for batch in self._sources[job.source].split.batches(span=job.rows)
        ]
        return Triaged(out.refusals, np.concatenate([out.good, *parts]))

    def _judge_batch(self, number: int, batch: Batch, refusals: list[Refusal]) -> Array:
        unit = self._sources[number].unit
        rows = list(self._read(number, batch, refusals))
        compared = keys([row.item for row in rows])
        sound: list[tuple[_Read, int]] = []
        for row, item_keys, match in zip(
            rows, compared, self._index.find(compared, unit.dataset_path), strict=True
        ):
            if match:
                refusals.append(Refusal(row.seed_id, "leaked", row.place, str(match)))
            elif denied := guard.row_denied(unit, row.source):
                refusals.append(Refusal(row.seed_id, "denied", row.place, denied))
            else:
                sound.append((row, item_keys.whole))
        doubts = self._doubts.of([(row.seed_id, row.item, row.gold) for row, _ in sound])
        renderer, good = self._renderer(number), []
        for (row, whole), doubt in zip(sound, doubts, strict=True):
            if doubt:
                refusals.append(Refusal(row.seed_id, "doubtful", row.place, doubt))
                continue
            balanced = map(_hash32, _balanced_by(renderer, row))
            seed = bytes.fromhex(row.seed_id)
            good.append((whole, self._draw(row.seed_id), row.place, *balanced, seed))
        return np.array(good, GOOD)

    def _read(self, number: int, batch: Batch, refusals: list[Refusal]) -> Iterator[_Read]:
        """The rows of a batch that render."""
        renderer, unit = self._renderer(number), self._sources[number].unit
        unreadable = _unreadable(batch, renderer.columns)
        documents = renderer.documents(batch.table, batch.rows)
        for place, source_row, document in zip(batch.numbers, batch.rows, documents, strict=True):
            seed_id = render.seed_id_of(unit, source_row)
            try:
                if place in unreadable:
                    raise MalformedRowError(*unreadable[place])
                item, gold = _rendered(renderer, document)
            except MalformedRowError as error:
                refusals.append(Refusal(seed_id, error.reason, place, str(error)))
                continue
            assert document is not None  # else it would be malformed
            yield _Read(place, source_row, document, seed_id, item, gold)

    def _draw(self, seed_id: str) -> int:
        return int.from_bytes(
            blake2b(seed_id.encode(), digest_size=8, key=self._salt).digest(), "big"
        )

    def _build(self, job: BuildJob) -> BuiltSeeds:
        source = self._sources[job.source]
        renderer, revision = self._renderer(job.source), source.revision()
        seeds = []
        further = self._references(source, renderer, job.rows)
        judged = dict(zip(job.rows.tolist(), job.seeds, strict=True))
        for batch in source.split.batches(wanted=job.rows.tolist()):
            documents = renderer.documents(batch.table, batch.rows)
            for place, row, document in zip(batch.numbers, batch.rows, documents, strict=True):
                seed_id = render.seed_id_of(source.unit, row)
                if seed_id != judged[place].tobytes().hex():
                    raise MirrorError(
                        f"mirror split {source.split.path}: row {place} is not the one that was "
                        "judged: the file changed while the seeds were made; start again"
                    )
                item, gold = _rendered(renderer, document)
                assert document is not None  # else it would not be good
                gold = replace(gold, aliases=(*gold.aliases, *further.get(place, ())))
                seeds.append(
                    render.build(
                        renderer,
                        document,
                        item,
                        gold,
                        render.RowPlace(
                            family=source.family,
                            unit=source.unit,
                            task=source.task,
                            seed_id=seed_id,
                            number=place,
                            revision=revision,
                        ),
                    )
                )
        return BuiltSeeds(seeds)

    def _references(
        self, source: TaskSource, renderer: render.Renderer, rows: Array
    ) -> dict[int, tuple[str, ...]]:
        """Further right answers of rows, from rows of the same item that follow them."""
        if not renderer.same:
            return {}
        wanted = sorted({int(row) + step for row in rows for step in range(_REFERENCES + 1)})
        total = source.split.check(())
        read: dict[int, tuple[Any, str]] = {}
        for batch in source.split.batches(wanted=[row for row in wanted if row < total]):
            documents = renderer.documents(batch.table, batch.rows)
            for place, row, document in zip(batch.numbers, batch.rows, documents, strict=True):
                with suppress(MalformedRowError):
                    read[place] = (row.get(renderer.same), _rendered(renderer, document)[1].answer)
        return {int(row): tuple(_answers_after(int(row), read)) for row in rows}


def _answers_after(row: int, read: Mapping[int, tuple[Any, str]]) -> Iterator[str]:
    """Other answers of the rows that follow one and have its key."""
    key, answer = read.get(row, (None, ""))
    seen = {answer}
    for place in range(row + 1, row + _REFERENCES + 1):
        other, reference = read.get(place, (None, ""))
        if key is None or other != key:
            return
        if reference not in seen:
            seen.add(reference)
            yield reference


def _balanced_by(renderer: render.Renderer, row: _Read) -> tuple[str, str, str, str]:
    """The passage of a row, and what rows are balanced by: class, level and subject."""
    notes, item = renderer.notes(row.document), row.item
    answer = row.gold.answer if renderer.classes and item.options else ""
    return item.context, answer, item.level or notes.level, item.subject or notes.subject


def _hash32(value: str) -> int:
    """A hash of 32 bits; 0 for nothing."""
    if not value:
        return 0
    return int.from_bytes(blake2b(value.encode(), digest_size=4).digest(), "big")


def _unreadable(batch: Batch, columns: Sequence[str]) -> dict[int, tuple[str, str]]:
    """Row numbers whose value in a column that is read is none: the column, and why.

    Where the renderer does not name its columns, any may be.
    """
    return {
        batch.numbers[place]: fault
        for place, fault in batch.faults.items()
        if not columns or fault[0] in columns
    }


def _rendered(renderer: render.Renderer, document: Row | None) -> tuple[Item, Gold]:
    if document is None:
        raise MalformedRowError("process_docs", "the task's own preparation leaves this row out")
    try:
        item = renderer.item(document)
        gold = renderer.gold(document, item)
    except (KeyError, TypeError, AttributeError, IndexError, ValueError) as error:
        if isinstance(error, ValueError) and str(error).endswith("not in tuple"):
            raise MalformedRowError("answer", "it is none of the options") from None
        reason = " ".join(str(error).split())[:80]
        raise MalformedRowError(
            "row", f"not in the data set's usual form ({type(error).__name__}: {reason})"
        ) from None
    render.check(item, gold)
    return item, gold
