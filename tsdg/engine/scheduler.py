"""Runs steps on many rows at once and sends their requests: journalled, retried, limited.

Rows start in the order of the input, where rows of one task stand together. A new row starts only
while the requests in flight do not fill the limit. Where requests wait for a place, they go in this
order:

1. those of the oldest unit first, so that units end and memory stays bounded;
2. in a unit the longest first, so that the last ones to end are short;
3. of equally long ones those that share the start of their prompt, one after the other, so that
   servers find it in their cache;
4. then the oldest row.
"""

from __future__ import annotations

import asyncio
import time
import zlib
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from statistics import median
from typing import Any

from tsdg.config.recipe import EngineConfig
from tsdg.engine.congestion import PUSHED_BACK, Congestion, Look
from tsdg.engine.inflight import InFlight, Prefixes
from tsdg.engine.journal import Result, UnitLostError
from tsdg.engine.open_unit import OpenUnit
from tsdg.engine.timing import Timing
from tsdg.errors import ModelRequestError, PermanentError, RetryableError, TsdgError
from tsdg.protocols import NOT_SENT, Process, Reply, Request, Transport

_COUNTS = 0.5
"""A failure that counts for less is one of the servers: it is waited out with short delays."""
_ROUNDING = 1e-6
_LAST_REPLIES = 64
"""So many tell how quickly servers write a reply."""
_ROWS_PER_REQUEST = 2
"""Rows open at most, per request allowed in flight: rows also spend time on other things than
waiting for replies."""


@dataclass(slots=True, kw_only=True)
class RequestCounts:
    """What this process has done so far."""

    requests_done: int = 0
    retries: Counter[str] = field(default_factory=Counter)
    prompt_tokens: int = 0
    completion_tokens: int = 0
    resumed_requests: int = 0
    failures: Counter[str] = field(default_factory=Counter)

    @property
    def replies(self) -> int:
        """Requests that were answered by a server."""
        return self.requests_done - self.failures.total()

    @property
    def pushed_back(self) -> int:
        """How often a server said that it has too much to do."""
        return sum(self.retries[reason] + self.failures[reason] for reason in PUSHED_BACK)


class Scheduler:
    """The rows and requests of one phase in one process. Lives in one event loop.

    Attributes:
        tally: what has been done.
        wake: set when there may be room for another row, and when something ended.
        failed: done, with the exception, when the phase cannot go on.
        finished: units with all rows done, for the phase to commit.
        lost: units whose files vanished, for the phase to drop.
        rows_ended: rows with an outcome that took a request, and not the journal alone.
    """

    def __init__(
        self, *, process: Process, transport: Transport, config: EngineConfig, timing: Timing
    ) -> None:
        self._congestion = Congestion(config.max_in_flight)
        # Not more before the first look: whoever is ready first would get all of them.
        self.in_flight = InFlight(self._congestion.limit)
        self.tally = RequestCounts()
        self.wake = self.in_flight.changed
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.finished: set[OpenUnit] = set()
        self.lost: set[OpenUnit] = set()
        self.rows_ended = 0
        self._speeds: deque[float] = deque(maxlen=_LAST_REPLIES)
        self._process = process
        self._transport = transport
        self._config = config
        self._timing = timing
        self._asks_open = 0
        self._rows_open = 0
        self._prefixes = Prefixes()

    def has_room(self) -> bool:
        """Whether another row is needed to keep the requests in flight at their limit."""
        limit = self.in_flight.limit
        return self._asks_open < limit and self._rows_open < _ROWS_PER_REQUEST * limit

    @property
    def waiting(self) -> int:
        """Requests that wait for a place, or before they are sent again."""
        return self._asks_open - self.in_flight.active

    @property
    def speed(self) -> float:
        """Tokens a second of one reply, the median of the last ones; 0 before the first."""
        return median(self._speeds) if self._speeds else 0.0

    def start_row(self, unit: OpenUnit) -> None:
        """Start the next row of a unit that has one."""
        position, row = unit.next_row()
        self._rows_open += 1
        task = asyncio.create_task(self._run_row(unit, position, row))
        unit.tasks.add(task)
        task.add_done_callback(unit.tasks.discard)

    async def steer(self) -> None:
        """Keep as many requests in flight as the replicas can use, until cancelled."""
        replies, pushed_back = self.tally.replies, self.tally.pushed_back
        while True:
            await asyncio.sleep(self._timing.steer_s)
            load = await self._transport.load()
            seen = Look(
                load=load,
                active=self.in_flight.active,
                replies=self.tally.replies - replies,
                pushed_back=self.tally.pushed_back - pushed_back,
                servers=len(self._transport.replicas()),
            )
            replies, pushed_back = self.tally.replies, self.tally.pushed_back
            limit = self._congestion.look(seen)
            if limit != self.in_flight.limit:
                self.in_flight.limit = limit

    def fail(self, error: BaseException) -> None:
        """End the phase with an error; the first one counts."""
        if not self.failed.done():
            self.failed.set_exception(error)

    async def _run_row(self, unit: OpenUnit, position: int, row: Mapping[str, Any]) -> None:
        try:
            outcome = await self._process(row, partial(self._ask, unit, position))
            if not unit.closed:
                unit.put(position, outcome)
                self.rows_ended += position in unit.asked
        except Exception as error:
            if isinstance(error, ModelRequestError):
                # A step turns failures into rejections; one that gets through is a fault of the
                # step.
                error = RuntimeError(
                    f"row {position} of {unit.name}: a step did not handle {error!r}"
                )
            elif not isinstance(error, TsdgError):
                error.add_note(f"while processing row {position} of {unit.name}")
            self.fail(error)
        finally:
            self._rows_open -= 1
            self._ended(unit)

    async def _ask(self, unit: OpenUnit, position: int, request: Request) -> Reply:
        if unit.closed:
            raise asyncio.CancelledError
        with self._asking(unit):
            try:
                result = await self._result(unit, position, request)
            except UnitLostError:
                self.lost.add(unit)
                raise asyncio.CancelledError from None
            except asyncio.CancelledError:
                raise
            except Exception as error:
                # Said here and not left to the step, which may gather replies and exceptions alike.
                self.fail(error)
                raise
        if isinstance(result, PermanentError):
            raise result
        return result

    @contextmanager
    def _asking(self, unit: OpenUnit) -> Iterator[None]:
        """Count a request of a unit as open, for the time of the block."""
        self._asks_open += 1
        unit.asks_open += 1
        # A step may ask in tasks of its own, and leave them behind when it fails: they are the
        # unit's as well.
        task = asyncio.current_task()
        own_task = task is not None and task not in unit.tasks
        if task is not None and own_task:
            unit.tasks.add(task)
        try:
            yield
        finally:
            self._asks_open -= 1
            unit.asks_open -= 1
            if task is not None and own_task:
                unit.tasks.discard(task)
            self._ended(unit)

    async def _result(self, unit: OpenUnit, position: int, request: Request) -> Result:
        """How a request ended: from the journal where it is there."""
        result = unit.journal.lookup(request.request_id)
        if result is not None:
            self.tally.resumed_requests += 1
            return result
        unit.asked.add(position)
        with self._prefixes.rank(request.prefix) as rank:
            order = (unit.sequence, -request.expected_tokens, rank, position)
            result = await self._send(unit, order, request)
        self._count(result)
        return result

    async def _send(self, unit: OpenUnit, order: tuple[int, ...], request: Request) -> Result:
        spent, tries, waited = 0.0, 0, 0
        while True:
            await self.in_flight.acquire(order)
            try:
                if unit.closed or self.failed.done():
                    raise asyncio.CancelledError
                return unit.journal.append(request.request_id, await self._send_once(request))
            except RetryableError as error:
                failure = error
            finally:
                self.in_flight.release()
            spent += failure.counts
            tries += failure.reason != NOT_SENT
            waited = 0 if failure.counts >= _COUNTS else waited + 1
            if spent > self._config.attempts - _ROUNDING:
                detail = f"{failure.detail} (sent {tries} times)"
                return unit.journal.append(
                    request.request_id, PermanentError(failure.reason, detail)
                )
            if failure.reason != NOT_SENT:
                self.tally.retries[failure.reason] += 1
            await asyncio.sleep(self._delay(request, failure, tries, waited))

    async def _send_once(self, request: Request) -> Result:
        began = time.monotonic()
        try:
            reply = await self._transport.send(request)
        except PermanentError as failure:
            return failure
        tokens = max(1, reply.completion_tokens) / max(1, len(reply.choices))
        self._speeds.append(tokens / max(_ROUNDING, time.monotonic() - began))
        return reply

    def _ended(self, unit: OpenUnit) -> None:
        """A row or a request of the unit has ended."""
        if unit.finished:
            self.finished.add(unit)
        self.wake.set()

    def _delay(self, request: Request, failure: RetryableError, tries: int, waited: int) -> float:
        """Seconds before the next try: exponential, spread by the request's hash.

        Never shorter than the server asks for.
        """
        timing = self._timing
        steps, cap = (waited, timing.waiting_cap_s) if waited else (tries, timing.backoff_cap_s)
        longest = min(cap, timing.backoff_s * 2.0 ** min(steps - 1, 30))
        spread = zlib.crc32(f"{request.request_id}/{tries}/{waited}".encode()) / 2**32
        return max(
            longest * (0.5 + 0.5 * spread), min(failure.retry_after, timing.retry_after_cap_s)
        )

    def _count(self, result: Result) -> None:
        self.tally.requests_done += 1
        if isinstance(result, PermanentError):
            self.tally.failures[result.reason] += 1
        else:
            self.tally.prompt_tokens += result.prompt_tokens
            self.tally.completion_tokens += result.completion_tokens
