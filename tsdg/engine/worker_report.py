"""What one worker reports about itself in files, and the budget of the whole run.

:class:`WorkerFigures` gathers the figures of one worker in one phase. :class:`WorkerReport` writes
them to disk now and then, in the form of :mod:`tsdg.accounting`. It ends the phase once the figures
of all workers together reach a cap of the run.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
from functools import partial
from typing import TypeVar

from tsdg.accounting import (
    HISTORY_POINTS,
    SCHEMA_VERSION,
    State,
    WorkerOwner,
    WorkerStatus,
    spent,
    worker_path,
    write_worker,
)
from tsdg.engine.budget import Others, is_capped, reached
from tsdg.engine.events import PhaseEvent
from tsdg.engine.owner import Owner
from tsdg.engine.phase_job import PhaseJob
from tsdg.engine.scheduler import Scheduler
from tsdg.errors import BudgetReachedError, StorageError, TsdgError
from tsdg.protocols import ReplicaFacts

T = TypeVar("T")
Point = tuple[float, int, int, int]

_SUMS = (
    "held_s",
    "ready_s",
    "busy_s",
    "idle_s",
    "requests",
    "prompt_tokens",
    "completion_tokens",
    "restarts",
)


class History:
    """Points in time, thinned as they grow: when too many, every second one is dropped."""

    def __init__(self, most: int = HISTORY_POINTS) -> None:
        self._most = most
        self._every = 1
        self._seen = 0
        self._points: list[Point] = []

    def add(self, point: Point) -> None:
        """Take a point, or leave it out where the points are thinned."""
        if self._seen % self._every == 0:
            if len(self._points) == self._most:
                self._points = self._points[::2]
                self._every *= 2
            if self._seen % self._every == 0:
                self._points.append(point)
        self._seen += 1

    def points(self, last: Point) -> tuple[Point, ...]:
        """The points kept and, always, the last one."""
        kept = self._points[:-1] if len(self._points) == self._most else self._points
        return (*(point for point in kept if point[0] < last[0]), last)


def since(
    before: Mapping[str, ReplicaFacts], now: Iterable[ReplicaFacts]
) -> tuple[ReplicaFacts, ...]:
    """What replicas have done since ``before``, by name: one transport may serve several phases."""
    out = []
    for facts in now:
        earlier = before.get(facts.name)
        if earlier is not None:
            sums = {name: getattr(facts, name) - getattr(earlier, name) for name in _SUMS}
            facts = replace(facts, **sums)
        out.append(facts)
    return tuple(out)


class WorkerFigures:
    """The figures of one process in one phase, from now on.

    Its replicas', from where they were accounted for last.
    """

    def __init__(self, *, job: PhaseJob, owner: Owner, scheduler: Scheduler) -> None:
        """Begin.

        Args:
            job: the phase; its transport knows the replicas.
            owner: the process.
            scheduler: counts the requests.
        """
        self._owner = WorkerOwner(
            **{field.name: getattr(owner, field.name) for field in fields(WorkerOwner)}
        )
        self._transport = job.transport
        self._scheduler = scheduler
        self._started = time.time()
        self._began = time.monotonic()
        self._before = {facts.name: facts for facts in job.accounted}
        self._history = History()

    def mark(self, event: PhaseEvent) -> None:
        """Add a point to the history."""
        self._history.add(self._point(event))

    def status(self, event: PhaseEvent, *, state: State, reason: str) -> WorkerStatus:
        """The figures as they are now.

        Args:
            event: the progress as it is now.
            state: of this process; any but ``running`` is its last word.
            reason: why it stopped or failed.
        """
        seconds = time.monotonic() - self._began
        scheduler, tally = self._scheduler, self._scheduler.tally
        replicas = since(self._before, self._transport.replicas())
        held = sum(facts.gpus * facts.held_s for facts in replicas)
        busy = sum(facts.gpus * facts.busy_s for facts in replicas)
        return WorkerStatus(
            schema_version=SCHEMA_VERSION,
            owner=self._owner,
            started=self._started,
            updated=self._started + seconds,
            ended=None if state == "running" else self._started + seconds,
            state=state,
            reason=reason,
            rows_done=event.rows_done,
            rows_total=event.rows_total,
            units_committed=event.units_committed,
            requests_done=event.requests_done,
            resumed_requests=event.resumed_requests,
            in_flight=event.in_flight,
            in_flight_limit=scheduler.in_flight.limit,
            waiting=scheduler.waiting,
            retries=dict(tally.retries),
            failures=dict(tally.failures),
            prompt_tokens=event.prompt_tokens,
            completion_tokens=event.completion_tokens,
            replicas=replicas,
            gpu_seconds=round(held, 3),
            idle_gpu_seconds=round(max(0.0, held - busy), 3),
            history=self._history.points(self._point(event)),
        )

    def _point(self, event: PhaseEvent) -> Point:
        seconds = round(time.monotonic() - self._began, 2)
        return seconds, event.completion_tokens, event.in_flight, event.rows_done


_READ_EACH_S = 0.2
"""Least seconds, per other process at work, between two readings of their files."""


class WorkerReport:
    """Of one worker in one phase. Its jobs run in the worker's event loop; ``close`` ends it."""

    def __init__(
        self,
        *,
        job: PhaseJob,
        token: str,
        figures: WorkerFigures,
        progress: Callable[[], PhaseEvent],
        note: Callable[[str], None],
    ) -> None:
        """Begin the report; nothing is written yet.

        Args:
            job: the phase, and the budget of the run.
            token: of the worker.
            figures: gathers the figures.
            progress: the worker's progress as it is now.
            note: gets each kind of failure that does not harm the work, once.
        """
        self._phase = job.directory
        self._token = token
        self._figures = figures
        self._progress = progress
        self._budget = job.budget
        self._timing = job.timing
        self._note = note
        self._noted: set[str] = set()
        # A thread of its own, so that a slow disk under the report delays nothing else.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="tsdg-report")

    async def keep(self) -> None:
        """Write the figures now and then, until cancelled."""
        while True:
            self._figures.mark(self._progress())
            await self._write("running", "")
            await asyncio.sleep(self._timing.report_s)

    async def close(self, state: State, reason: str) -> None:
        """Write the figures a last time.

        Args:
            state: how the worker ended.
            reason: why, in one line; empty where it is complete.
        """
        try:
            await self._write(state, reason)
        finally:
            self._thread.shutdown(wait=False)

    async def watch_budget(self) -> None:
        """Watch what the run uses until it reaches a cap; without a cap, return at once.

        Raises:
            BudgetReachedError: a cap is reached.
        """
        if not is_capped(self._budget):
            return
        others = Others(self._phase.parent, own=worker_path(self._phase, self._token))
        used: Sequence[WorkerStatus] = ()
        next_read = 0.0
        while True:
            if time.monotonic() >= next_read:
                try:
                    used = await self._in_thread(others.read)
                except TsdgError as error:
                    self._note_once(
                        "budgets",
                        f"the use of other processes is not known for the budget: {error}",
                    )
                # Many processes that all read the files of all others would keep the file system
                # busy.
                next_read = time.monotonic() + max(
                    self._timing.report_s, _READ_EACH_S * others.running
                )
            own = self._figures.status(self._progress(), state="running", reason="")
            if line := reached(self._budget, spent([*used, own])):
                raise BudgetReachedError(line)
            await asyncio.sleep(self._timing.budget_s)

    async def _write(self, state: State, reason: str) -> None:
        status = self._figures.status(self._progress(), state=state, reason=reason)
        try:
            await self._in_thread(partial(write_worker, self._phase, self._token, status))
        except StorageError as error:
            if state == "running" and is_capped(self._budget):
                # Others, and a later start, would not know of what this process uses.
                raise
            self._note_once("figures", f"the work goes on, but its figures cannot be kept: {error}")

    def _note_once(self, what: str, line: str) -> None:
        if what not in self._noted:
            self._noted.add(what)
            self._note(line)

    async def _in_thread(self, function: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, function)
