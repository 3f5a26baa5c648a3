"""Row readers, in this process or in several: see :mod:`tsdg.crew`."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal, Self

from tsdg.crew import Crew, crew_size
from tsdg.seeds.draw.doubts import NO_DOUBTS, Doubts
from tsdg.seeds.draw.selection import TaskSource
from tsdg.seeds.draw.triage import Job, JobResult, RowReader
from tsdg.seeds.heldout.index import LeakIndex

ROWS_OF_A_WORKER = 50_000
"""Fewer rows than this are done before another worker has started."""


def worker_count(wanted: int | Literal["auto"], rows: int) -> int:
    """Return how many processes to use; 1 is this one alone.

    Args:
        wanted: ``seeds.workers``.
        rows: of the request.
    """
    return crew_size(rows, each=ROWS_OF_A_WORKER) if wanted == "auto" else wanted


class Alone:
    """Does the jobs in this process."""

    def __init__(
        self,
        sources: Sequence[TaskSource],
        index: LeakIndex,
        seed: int,
        doubts: Doubts = NO_DOUBTS,
    ) -> None:
        """Take what a :class:`RowReader` takes."""
        self._reader = RowReader(sources, index, seed, doubts)

    def run(self, jobs: Iterable[Job]) -> Iterator[tuple[Job, JobResult]]:
        """Yield each job with its result, in order."""
        for job in jobs:
            yield job, self._reader.do(job)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        gc.unfreeze()  # see RowReader


class Workers(Crew[Job, JobResult]):
    """Does the jobs in several processes."""

    def __init__(
        self,
        count: int,
        sources: Sequence[TaskSource],
        index: LeakIndex,
        seed: int,
        doubts: Doubts = NO_DOUBTS,
    ) -> None:
        """Start ``count`` processes, each with a :class:`RowReader` of what follows.

        Raises:
            StorageError: ``TMPDIR`` cannot be written.
        """
        what = "seeds.workers: a process that normalises rows"
        super().__init__(count, _reader, (tuple(sources), index, seed, doubts), what=what)


def _reader(
    sources: Sequence[TaskSource], index: LeakIndex, seed: int, doubts: Doubts
) -> Callable[[Job], JobResult]:
    return RowReader(sources, index, seed, doubts).do
