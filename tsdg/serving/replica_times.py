"""Adds up how long a replica was there, ready, and busy with our requests. Pure."""

from __future__ import annotations

import time
from collections.abc import Callable


class ReplicaTimes:
    """Sums of one replica over all its restarts. Times are seconds of ``clock``."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began = self._since = clock()
        self._ready = False
        self._busy = False
        self._ready_s = 0.0
        self._busy_s = 0.0
        self.requests = 0
        self.prompt_tokens = 0
        self.completion_tokens = 0

    def now(self, *, ready: bool | None = None, busy: bool | None = None) -> None:
        """Note what is so from now on; None leaves it as it was."""
        self._add_up()
        self._ready = self._ready if ready is None else ready
        self._busy = self._busy if busy is None else busy

    def replied(self, prompt_tokens: int, completion_tokens: int) -> None:
        """Note a reply."""
        self.requests += 1
        self.prompt_tokens += prompt_tokens
        self.completion_tokens += completion_tokens

    def seconds(self) -> tuple[float, float, float]:
        """Seconds so far; of those, ready; and of those, with at least one request in flight."""
        self._add_up()
        return self._since - self._began, self._ready_s, self._busy_s

    def _add_up(self) -> None:
        now = self._clock()
        passed, self._since = now - self._since, now
        if self._ready:
            self._ready_s += passed
            self._busy_s += passed if self._busy else 0.0
