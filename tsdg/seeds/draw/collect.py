"""Stage 1: from lm-eval tasks to seeds, every row accounted for.

::

    judge every row ──► drop repeats ──► solve the quotas ──► draw ──► make seeds
    triage              good_rows        quotas               good_rows  triage

Each row of a task's training split is judged: malformed, leaked, denied, doubtful, duplicate, or
good. Once all are judged, quotas say how many good rows each task gives
(:mod:`tsdg.seeds.draw.quotas`). They are drawn by the hash of (seed, seed_id), in turn from
passages and strata (:meth:`tsdg.seeds.draw.good_rows.GoodRows.draw`), so that the draw does not
depend on the order of the file. They are read a second time and made seeds. No row is held in
memory in between.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tsdg.config.recipe import SeedsConfig
from tsdg.records import Rejection, Seed
from tsdg.seeds.catalogue.load import load
from tsdg.seeds.draw.doubts import Doubts, Prove, contradicted
from tsdg.seeds.draw.expectation import per_passage, wishes_of
from tsdg.seeds.draw.good_rows import DRAWN, DUPLICATE, GOOD_ROW, SPARE, GoodRows
from tsdg.seeds.draw.quotas import solve
from tsdg.seeds.draw.selection import LeftOut, TaskSource, sources
from tsdg.seeds.draw.triage import BuildJob, BuiltSeeds, Refusal, Triaged, TriageJob
from tsdg.seeds.draw.workers import Alone, Workers, worker_count
from tsdg.seeds.heldout.build import build_index
from tsdg.seeds.heldout.index import LeakIndex

SPAN_ROWS = 8192
"""About how many rows are judged at once."""
BUILT_ROWS = 2048
"""Seeds that are made at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskCounts:
    """Counts of the rows of one task: ``available`` is the sum of all others."""

    available: int
    """Rows of the training split."""
    denied: int
    """Rows that may not be used although their task may."""
    leaked: int
    malformed: int
    doubtful: int
    """Rows whose own right answer is contradicted."""
    duplicate: int
    sampled: int
    """Seeds of the run."""
    unsampled: int
    """Good rows beyond the task's quota, or beyond what one passage may give."""


@dataclass(slots=True)
class _Part:
    """What becomes of one source's rows."""

    rows: int = 0
    start: int = 0
    """Its first row among the good ones."""
    stop: int = 0
    refused: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("denied", "leaked", "malformed", "doubtful"), 0)
    )


class SeedCollector:
    """Iterates over the rejections of a request and then its seeds.

    Each kind comes task by task in the order of the selection, and within a task in the order of
    the file; of the rejections, those as duplicates come last.

    Attributes:
        counts: per task, complete when all has been iterated over; a missing task that is skipped
            has zeros.
        skipped: tasks whose split is not in the mirror, with the split's name.
        left_out: tasks that a family or group would have brought, and that may not be used.
        notes: one line for each key of the sampling that the rows cannot meet, known once seeds
            come.
        held_out_rows: rows of the held-out splits that seeds are compared with; 0 without a mirror.
        has_tests: whether a task's rows come with tests, which ``prove`` runs.
    """

    def __init__(
        self,
        config: SeedsConfig,
        seed: int,
        on_judged: Callable[[int, int], None] = lambda *_: None,
        prove: Prove | None = None,
        *,
        revisions: Mapping[str, str] | None = None,
        compared: Mapping[str, str] | None = None,
    ) -> None:
        """Check the request.

        Args:
            config: which tasks, from which mirror, how many seeds.
            seed: of the draw.
            on_judged: called now and then with how many rows are judged, of how many: long before
                the first seed comes.
            prove: runs the tests of a row on its own gold; None to run none. A function of a
                module, as workers take it too.
            revisions: of the splits that a run has read before, by name; others are read as they
                are now.
            compared: see ``revisions`` of :func:`~tsdg.seeds.heldout.build.build_index`.

        Raises:
            SeedsDeniedError: a task may not be used.
            MirrorError: the mirror or a split is missing.
            RecipeError: a run of ``seeds.exclude`` has no finding.
        """
        self._config = config
        self._seed = seed
        self._on_judged = on_judged
        self._doubts = Doubts(contradicted=contradicted(config.exclude), prove=prove)
        located = sources(config).pinned(revisions or {})
        self._sources = located.there
        self._compared = compared
        self.skipped = {source.task: source.split.name for source in located.missing}
        self.left_out: tuple[LeftOut, ...] = located.left_out
        self.counts: dict[str, TaskCounts] = {}
        self.notes: tuple[str, ...] = ()
        self.held_out_rows = 0
        self.has_tests = any(
            source.family.answer_kind_of(source.unit) == "code" for source in self._sources
        )

    def __iter__(self) -> Iterator[Seed | Rejection]:
        """Yield what becomes of the rows; a good row beyond its task's quota is only counted.

        Raises:
            MirrorError: a split is unreadable or lacks a column.
            MachineError: an lm-eval task cannot be loaded, or a worker died.
            RecipeError: shares cannot hold with the rows that are good.
            StorageError: the cache of held-out items or ``TMPDIR`` cannot be written.
        """
        index = build_index(
            Path(self._config.mirror) if self._config.mirror else None,
            load(),
            ngram=self._config.leaks.ngram,
            overlap=self._config.leaks.overlap,
            seeded=frozenset(source.unit for source in self._sources),
            revisions=self._compared,
        )
        self.held_out_rows = index.rows
        good = GoodRows()
        with self._workers(index) as workers:
            del index  # workers have theirs
            parts = [_Part() for _ in self._sources]
            yield from self._triaged(workers, good, parts)
            good.mark_duplicates()
            for source, part in zip(self._sources, parts, strict=True):
                yield from self._duplicates(source, part, good)
            self._draw(good, parts)
            for _, result in workers.run(self._builds(good, parts)):
                assert isinstance(result, BuiltSeeds)
                yield from result.seeds
            none = dict.fromkeys(TaskCounts.__dataclass_fields__, 0)
            self.counts = {task: TaskCounts(**none) for task in self.skipped} | {
                source.task: _counts(part, good)
                for source, part in zip(self._sources, parts, strict=True)
            }

    def _workers(self, index: LeakIndex) -> Alone | Workers:
        count = worker_count(
            self._config.workers, sum(source.split.check(()) for source in self._sources)
        )
        if count == 1:
            return Alone(self._sources, index, self._seed, self._doubts)
        return Workers(count, self._sources, index, self._seed, self._doubts)

    def _draw(self, good: GoodRows, parts: list[_Part]) -> None:
        """Solve the quotas from the rows that are good, and draw them."""
        stocks = []
        for source, part in zip(self._sources, parts, strict=True):
            if most := per_passage(self._config, source):
                good.spare(part.start, part.stop, most)
            stocks.append(source.stock(good.total(part.start, part.stop, GOOD_ROW)))
        quotas = solve(stocks, wishes_of(self._config, self._sources))
        self.notes = quotas.notes
        for part, quota in zip(parts, quotas.tasks.values(), strict=True):
            good.draw(part.start, part.stop, quota)

    def _triaged(
        self, workers: Alone | Workers, good: GoodRows, parts: list[_Part]
    ) -> Iterator[Rejection]:
        jobs = (
            TriageJob(number, rows)
            for number, source in enumerate(self._sources)
            for rows in source.split.spans(SPAN_ROWS)
        )
        total, judged = sum(source.split.check(()) for source in self._sources), 0
        for job, result in workers.run(jobs):
            assert isinstance(job, TriageJob)
            judged += len(job.rows)
            self._on_judged(judged, total)
            assert isinstance(result, Triaged)
            part = parts[job.source]
            if not part.rows:
                part.start = good.count
            part.rows += len(job.rows)
            good.add(result.good)
            part.stop = good.count
            for refusal in result.refusals:
                part.refused[refusal.reason] += 1
                yield _rejection(self._sources[job.source], refusal)

    def _duplicates(self, source: TaskSource, part: _Part, good: GoodRows) -> Iterator[Rejection]:
        span = (part.start, part.stop, DUPLICATE)
        for seed_id, row in zip(good.seed_ids(*span), good.rows(*span).tolist(), strict=True):
            detail = "the same item came earlier in the run"
            yield _rejection(source, Refusal(seed_id, "duplicate", row, detail))

    def _builds(self, good: GoodRows, parts: list[_Part]) -> Iterator[BuildJob]:
        for number, part in enumerate(parts):
            rows = good.rows(part.start, part.stop, DRAWN)
            ids = good.seeds(part.start, part.stop, DRAWN)
            for start in range(0, len(rows), BUILT_ROWS):
                stop = start + BUILT_ROWS
                yield BuildJob(number, rows[start:stop], ids[start:stop])


def _counts(part: _Part, good: GoodRows) -> TaskCounts:
    return TaskCounts(
        available=part.rows,
        **part.refused,
        duplicate=good.total(part.start, part.stop, DUPLICATE),
        sampled=good.total(part.start, part.stop, DRAWN),
        unsampled=good.total(part.start, part.stop, GOOD_ROW)
        + good.total(part.start, part.stop, SPARE),
    )


def _rejection(source: TaskSource, refusal: Refusal) -> Rejection:
    return Rejection(
        row_id=refusal.seed_id,
        group=source.family.group,
        family=source.family.family,
        task=source.task,
        stage="seeds",
        reason=refusal.reason,
        detail=f"row {refusal.row}: {refusal.detail}",
    )
