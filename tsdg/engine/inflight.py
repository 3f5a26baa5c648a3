"""The number of requests in flight at once, and the order of those that wait."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


class InFlight:
    """A limit that may change while requests are in flight, with an order for those that wait.

    Attributes:
        changed: set whenever a place was given back or the limit changed.
    """

    def __init__(self, limit: int) -> None:
        self.changed = asyncio.Event()
        self._limit = limit
        self._active = 0
        self._waiting: list[tuple[tuple[int, ...], int, asyncio.Future[None]]] = []
        self._arrivals = itertools.count()

    @property
    def active(self) -> int:
        """Requests in flight."""
        return self._active

    @property
    def limit(self) -> int:
        """Requests that may be in flight; a lower limit takes effect as requests end."""
        return self._limit

    @limit.setter
    def limit(self, value: int) -> None:
        if value < 1:
            raise ValueError(f"limit of requests in flight: found {value}, allowed 1 and more")
        self._limit = value
        self._grant()
        self.changed.set()

    async def acquire(self, order: tuple[int, ...]) -> None:
        """Wait for a place; the smallest ``order`` gets the next one, then who came first."""
        if self._active < self._limit and not self._waiting:
            self._active += 1
            return
        place = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (order, next(self._arrivals), place))
        self._grant()
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self.release()  # the place came in the same moment as the cancellation
            raise

    def release(self) -> None:
        """Give a place back."""
        self._active -= 1
        self._grant()
        self.changed.set()

    def _grant(self) -> None:
        while self._waiting and self._active < self._limit:
            place = heapq.heappop(self._waiting)[2]
            if not place.done():
                self._active += 1
                place.set_result(None)


class Prefixes:
    """Numbers for prefixes that open requests share, lower for those seen earlier."""

    def __init__(self) -> None:
        self._open: Counter[str] = Counter()
        self._ranks: dict[str, int] = {}
        self._next = itertools.count()

    @contextmanager
    def rank(self, prefix: str) -> Iterator[int]:
        """The number of a prefix, for the time of the block."""
        if not self._open[prefix]:
            self._ranks[prefix] = next(self._next)
        self._open[prefix] += 1
        try:
            yield self._ranks[prefix]
        finally:
            self._open[prefix] -= 1
            if not self._open[prefix]:
                del self._open[prefix], self._ranks[prefix]
