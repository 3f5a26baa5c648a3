"""Pure: judges from successive looks whether a server makes progress."""

from __future__ import annotations

from typing import Literal

Judgement = Literal["fine", "stalled", "idle"]
_LEAST_LOOKS = 3


class Progress:
    """Remembers when the server last made tokens, and when it last had work."""

    def __init__(self, *, stall_s: float, idle_s: float, now: float) -> None:
        self._stall_s = stall_s
        self._idle_s = idle_s
        self._tokens = -1.0
        self._moved = now
        self._free = now
        # So that a pause of tsdg itself, which is one long gap between two looks, is not taken for
        # a hang.
        self._looks = 0

    def look(self, *, now: float, tokens: float, busy: bool) -> Judgement:
        """Judge one look.

        Args:
            now: monotonic time, seconds.
            tokens: prompt and generated tokens so far; a change in any direction is progress.
            busy: there is work: running, waiting, or sent and not answered.

        Returns:
            ``stalled``: there has been work, and no token, for ``stall_s``. ``idle``: there has
            been neither for ``idle_s``, so that nothing is known of the server. Else ``fine``.
        """
        if tokens != self._tokens:
            self._tokens = tokens
            self._moved = now
            self._looks = 0
        if not busy:
            self._free = now
            self._looks = 0
            return "idle" if now - self._moved >= self._idle_s else "fine"
        self._looks += 1
        since = max(self._moved, self._free)
        return "stalled" if self._looks >= _LEAST_LOOKS and now - since >= self._stall_s else "fine"

    def answered(self, now: float) -> None:
        """Note that the server has answered a request, whatever its metrics say."""
        self._moved = now
