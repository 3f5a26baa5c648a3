"""How many requests to keep in flight, judged by the replicas' own metrics.

Pure. The limit starts where any server has enough to do. It doubles with each look while nothing
speaks against it, so that servers that can take everything get it within seconds. It comes down

* where the replicas' queues grow: a short queue keeps a batch full, but a longer one only delays
  requests, and late requests are sent twice;
* where the KV cache is full with requests queueing: running ones are then preempted and computed
  again;
* where servers push back (429, 503, no reply in time), which is all that endpoints without metrics
  can say;

It goes up again, a step at a time, while none of this is seen and the limit is what holds requests
back. A replica that comes to others adds its share at once: all that is in flight is at those, and
it would stay idle until their queues are gone. While no server works, as before the first is ready,
it stays: waiting then proves nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from tsdg.protocols import Load

PUSHED_BACK = frozenset({"http_429", "http_503", "timeout"})
"""Reasons of failures that mean that a server has too much to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What was seen since the last look."""

    load: Load
    active: int
    """Own requests in flight."""
    replies: int
    """Requests that ended well since the last look."""
    pushed_back: int
    """Requests that ended for a reason of ``PUSHED_BACK`` since then."""
    servers: int = 1
    """Replicas and endpoints that requests may go to."""


class Congestion:
    """The limit and the rule that moves it.

    Attributes:
        limit: requests that may be in flight, 1 to ``each`` for every server.
    """

    START = 256
    """Where the limit starts, if its upper bound is not below."""
    QUEUE_SHARE = 0.25
    """A queue is long where it is longer than this share of what runs ..."""
    QUEUE_EACH = 4
    """... and so many requests for each replica."""
    KV_FULL = 0.95
    """From this share of the KV cache on, a queue of any length is too long."""
    DOWN = 0.85
    """Factor by which a long queue takes the limit down."""
    DOWN_PUSHED_BACK = 0.7
    """Factor by which servers that push back take it down."""
    TOLERATED = 0.02
    """Share of pushed-back requests that is blamed on single requests."""
    STEPS = 32
    """Looks after which the limit is back at its upper bound from 0."""

    def __init__(self, each: int) -> None:
        self.limit = min(self.START, each)
        self._each = self._ceiling = each
        self._doubling = True
        self._replicas = 0

    def look(self, seen: Look) -> int:
        """Move the limit by one look, and return it."""
        load = seen.load
        self._ceiling = self._each * max(1, seen.servers)
        step = max(1, self._ceiling // self.STEPS)
        before, self._replicas = self._replicas, load.replicas
        if seen.pushed_back > self.TOLERATED * (seen.replies + seen.pushed_back):
            self._set(self.limit * self.DOWN_PUSHED_BACK)
            self._doubling = False
        elif 0 < before < load.replicas:
            share = min(self.START, self.limit / before)
            self._set(self.limit + min(self.limit, (load.replicas - before) * share))
        elif seen.active > self.limit:
            pass  # an earlier cut has not worked yet: requests in flight are left to end
        elif load.waiting > self._queue_allowed(load):
            # Never below what keeps the batches full: the share of our requests that runs now, and
            # a little more.
            running = seen.active * load.running / (load.running + load.waiting)
            slack = (
                0
                if load.kv_cache_usage >= self.KV_FULL
                else running * self.QUEUE_SHARE / 2 + load.replicas
            )
            self._set(min(self.limit, max(seen.active * self.DOWN, running + slack)))
            self._doubling = False
        elif self._short(seen):
            self._set(self.limit * 2 if self._doubling else self.limit + step)
        return self.limit

    def _short(self, seen: Look) -> bool:
        """Whether the limit is all that keeps servers from more work."""
        working = seen.load.running > 0 or seen.replies > 0
        return (
            working
            and seen.active >= self.limit
            and seen.load.waiting <= self._queue_allowed(seen.load) / 2
        )

    def _queue_allowed(self, load: Load) -> float:
        if load.kv_cache_usage >= self.KV_FULL:
            return 0.0
        return self.QUEUE_SHARE * load.running + self.QUEUE_EACH * load.replicas

    def _set(self, limit: float) -> None:
        self.limit = max(1, min(self._ceiling, round(limit)))
