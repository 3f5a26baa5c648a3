"""Whose fault a failing request is: its own, that of one endpoint, or that of all of them.

A failure counts against a request by what it proves (:mod:`tsdg.serving.conduct`), and not at all
where its endpoint has answered nobody since the request failed the last time. So storms of 5xx are
waited out, a bad endpoint beside a good one costs no row, and a refusal is believed when it is
repeated by endpoints that answer others.

Where many different requests fail and none succeeds, something hits everything: the run stops
before any of these requests becomes a rejection.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from tsdg.errors import ModelRequestError, PermanentError, RetryableError, ServerError, TsdgError
from tsdg.serving.pool import Endpoint
from tsdg.serving.reply import TOO_LONG, advice

MANY = 3
"""At most this many different requests may be at fault themselves while none is answered."""
REFUSED_S = 15.0
"""How long everything may be refused before the run stops: waiting mends no refusal."""
PATIENCE_S = 600.0
"""How long everything may fail in other ways before it stops: as long as a server's restart."""
PUSHED_BACK_S = 3600.0
"""How long everything may be told to slow down before it stops."""
_PENDING_S = 5.0
_PENDING_TIMES = 4.0
"""A request in flight may still succeed where it has taken this many times as long as failures do,
and the seconds before."""
_TRAILS, _TRAIL_S = 4096, 3600.0
"""Trails kept before those that have not changed for so many seconds are dropped."""


@dataclass(slots=True)
class Trail:
    """The failures of one request so far.

    Attributes:
        failures: by the endpoint that failed it.
        timeouts: those of them that took too long.
        last: when the last one was.
    """

    failures: Counter[Endpoint] = field(default_factory=Counter)
    timeouts: int = 0
    last: float = -math.inf


class Outage:
    """Judges the failures of all requests of one client."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._trails: dict[str, Trail] = {}
        self._in_flight: dict[str, float] = {}
        self._failing: set[str] = set()
        self._since = self._proved = -math.inf
        self._refused = self._pushed_back = True
        self._longest_failure_s = 0.0
        self._largest_answered = -1

    def trail(self, request_id: str) -> Trail:
        """The failures of a request so far."""
        return self._trails.get(request_id) or Trail()

    def sent(self, request_id: str) -> None:
        """Note that a request is in flight."""
        self._in_flight[request_id] = self._clock()

    def ended(self, request_id: str) -> None:
        """Note that it came back, or was cancelled; before its success or failure is noted."""
        began = self._in_flight.pop(request_id, self._clock())
        self._last_took_s = self._clock() - began

    def success(self, request_id: str, endpoint: Endpoint, *, size: int) -> bool:
        """Note that a request of ``size`` bytes succeeded.

        Returns:
            Whether its endpoint had been set aside.
        """
        trail = self._trails.pop(request_id, None)
        first = trail is None or endpoint not in trail.failures
        self._largest_answered = max(self._largest_answered, size)
        self._failing.clear()
        return endpoint.conduct.answered(request_id, first=first)

    def proved(self, endpoint: Endpoint) -> None:
        """Note that an endpoint has answered a request of one token, made only to see that."""
        self._proved = endpoint.conduct.answered_at = self._clock()

    def lacks_proof(self, request_id: str, endpoint: Endpoint) -> bool:
        """Whether nobody has been answered there since the request failed."""
        return endpoint.conduct.answered_at < self.trail(request_id).last

    def judge(
        self, request_id: str, endpoint: Endpoint, failure: ModelRequestError, *, size: int
    ) -> TsdgError:
        """Return what a failure means.

        Args:
            request_id: what failed.
            endpoint: where.
            failure: as the server's answer was read.
            size: of the request in bytes.

        Returns:
            A :class:`RetryableError` that counts as far as it proves something, a
            :class:`PermanentError` that is certain, or the :class:`ServerError` that ends the run.
        """
        if failure.reason == TOO_LONG and -1 < self._largest_answered < size:
            # Its own length explains it: shorter ones are answered.
            self.success(request_id, endpoint, size=-1)
            return failure
        refused = isinstance(failure, PermanentError)
        pushed_back = failure.reason == "http_429"
        if isinstance(failure, RetryableError) and not failure.counts and not pushed_back:
            return failure  # nobody took the request
        weight = self._note(request_id, endpoint, failure)
        now = self._clock()
        self._failed(request_id, now, refused=refused, pushed_back=pushed_back)
        if now - self._since > self._patience_s() and not self._may_succeed(now):
            return self._end(failure, now)
        wait = failure.retry_after if isinstance(failure, RetryableError) else 0.0
        return RetryableError(
            failure.reason,
            failure.detail,
            retry_after=wait,
            counts=0.0 if pushed_back else weight,
        )

    def _note(self, request_id: str, endpoint: Endpoint, failure: ModelRequestError) -> float:
        """Add a failure to the trail of its request; return what it proves."""
        if request_id not in self._trails:
            self._drop_old_trails()
            self._trails[request_id] = Trail()
        trail, conduct = self._trails[request_id], endpoint.conduct
        conduct.failed(request_id, first=endpoint not in trail.failures)
        silent = bool(trail.failures) and conduct.answered_at < trail.last
        trail.failures[endpoint] += 1
        trail.timeouts += failure.reason == "timeout"
        trail.last = self._clock()
        return 0.0 if silent else conduct.weight(request_id)

    def _failed(self, request_id: str, now: float, *, refused: bool, pushed_back: bool) -> None:
        """Add a failure to those since the last success of any request."""
        if not self._failing:
            self._since, self._refused, self._pushed_back = now, True, True
            self._longest_failure_s = 0.0
        self._failing.add(request_id)
        self._refused &= refused
        self._pushed_back &= pushed_back
        self._longest_failure_s = max(self._longest_failure_s, self._last_took_s)

    def _drop_old_trails(self) -> None:
        if len(self._trails) >= _TRAILS:
            start = self._clock() - _TRAIL_S
            self._trails = {name: t for name, t in self._trails.items() if t.last >= start}

    def _patience_s(self) -> float:
        if self._pushed_back:
            return PUSHED_BACK_S
        return REFUSED_S if self._refused else PATIENCE_S

    def _may_succeed(self, now: float) -> bool:
        """Whether a request in flight takes longer than failures do."""
        pending = max(_PENDING_S, _PENDING_TIMES * self._longest_failure_s)
        return any(now - began > pending for began in self._in_flight.values())

    def _end(self, failure: ModelRequestError, now: float) -> TsdgError:
        many = len(self._failing)
        if many <= MANY and self._proved >= self._since:
            # The server works, and nothing else is asked that could show more.
            return PermanentError(failure.reason, failure.detail)
        asked = "the same request" if many == 1 else f"{many} different requests"
        return ServerError(
            f"no request has been answered for {now - self._since:.0f} s and {asked} failed, the "
            f"last with {failure}; {advice(failure)}; then start again: what is done is kept, and "
            "these rows are not rejected"
        )
