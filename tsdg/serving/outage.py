"""Whose fault a failing request is: its own, or that of the servers.

One request that fails again and again is itself at fault, and ends as a rejection. Where many
different requests fail and none succeeds, the servers are at fault. Then no failure counts against
a request. After some patience the run stops and keeps its work, instead of rejecting every row that
is left.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from tsdg.errors import ModelRequestError, RetryableError, ServerError, TsdgError

MANY = 3
"""At most this many different requests may be at fault themselves at one time."""
PATIENCE_S = 120.0
"""How long many requests may fail before the run stops."""
_OF_THE_REQUEST = frozenset({"too_long"})
"""Failures by which a server shows that it works."""


class Outage:
    """Judges the failures of all requests of one client."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failing: set[str] = set()
        self._since = 0.0

    def success(self) -> None:
        """Note that a request succeeded."""
        self._failing.clear()

    def judge(self, request_id: str, failure: ModelRequestError) -> TsdgError:
        """Return what a failure means: the failure, one that does not count, or the run's end."""
        if failure.reason in _OF_THE_REQUEST:
            self.success()
            return failure
        if isinstance(failure, RetryableError) and not failure.counts:
            return failure
        now = self._clock()
        if not self._failing:
            self._since = now
        self._failing.add(request_id)
        if len(self._failing) <= MANY:
            return failure
        if now - self._since > PATIENCE_S:
            return ServerError(
                f"no request has succeeded for {now - self._since:.0f} s, {len(self._failing)} "
                "different ones failed, "
                f"the last with {failure}; mend the server, or the recipe that asks it, and start "
                "again"
            )
        wait = failure.retry_after if isinstance(failure, RetryableError) else 0.0
        return RetryableError(failure.reason, failure.detail, retry_after=wait, counts=False)
