"""Gathers what one worker process tells of itself, for :mod:`tsdg.accounting`."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import fields, replace

from tsdg.accounting import HISTORY_POINTS, SCHEMA_VERSION, State, WorkerOwner, WorkerStatus
from tsdg.engine.events import PhaseEvent
from tsdg.engine.owner import Owner
from tsdg.engine.scheduler import Scheduler
from tsdg.protocols import ReplicaFacts, Transport

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
    """Points in time, ever fewer of them.

    Once there are too many, every second one goes, and so on.
    """

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


class Account:
    """The figures of one process in one phase, from now on.

    Its replicas', from where they were accounted for last.
    """

    def __init__(
        self,
        *,
        owner: Owner,
        transport: Transport,
        scheduler: Scheduler,
        accounted: Iterable[ReplicaFacts],
    ) -> None:
        """Begin.

        Args:
            owner: the process.
            transport: knows the replicas.
            scheduler: counts the requests.
            accounted: what the replicas had done when this process closed its books on the phase
                before.
        """
        self._owner = WorkerOwner(
            **{field.name: getattr(owner, field.name) for field in fields(WorkerOwner)}
        )
        self._transport = transport
        self._scheduler = scheduler
        self._started = time.time()
        self._began = time.monotonic()
        self._before = {facts.name: facts for facts in accounted}
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
