"""How long a reply may take at an endpoint whose progress cannot be seen. Pure.

Own servers tell how many tokens they have made, and are watched by that: no reply of theirs is cut
while tokens flow. An external endpoint may have died, so a reply has a limit. A model that thinks
may write for an hour, so the limit follows from how much it may write and how fast it does.
"""

from __future__ import annotations

from collections import deque

SLOWEST = 4.0
"""Tokens per second of one request that are assumed before the endpoint has shown its rate."""
LEAST_S = 120.0
"""No reply is cut earlier: a queue takes its time too."""
_SLACK = 4.0
"""How many times as slow as the slowest reply seen a reply may be."""
_LEAST_TOKENS = 16
"""Shorter replies say more of the queue than of the rate."""
_LEAST_SEEN = 8
_TOGETHER_S = 600.0
"""Several completions share a request where the recipe sets no limit and they take no longer."""


class Pace:
    """The rate at which an endpoint has written its last replies."""

    def __init__(self) -> None:
        self._rates: deque[float] = deque(maxlen=64)

    def replied(self, *, tokens: float, seconds: float) -> None:
        """Note a reply of so many tokens per completion."""
        if tokens >= _LEAST_TOKENS and seconds > 0:
            self._rates.append(tokens / seconds)

    @property
    def least(self) -> float:
        """Tokens per second of one completion to reckon with at least."""
        if len(self._rates) < _LEAST_SEEN:
            return SLOWEST
        return min(self._rates) / _SLACK


def reply_limit_s(*, tokens: int, rate: float, told_s: int | None, timeouts: int) -> float:
    """Seconds that a reply may take.

    Args:
        tokens: that it may have at most, over all its completions.
        rate: tokens per second that are reckoned with.
        told_s: what the recipe says; None to derive the limit.
        timeouts: how often the same request has been cut before; each doubles the limit, so that a
            slow reply comes in the end.
    """
    limit = max(LEAST_S, tokens / rate) if told_s is None else float(told_s)
    return limit * 2.0 ** min(timeouts, 20)


def completions_at_once(*, tokens: int, rate: float, told_s: int | None) -> int:
    """How many completions one request may ask for, so that it fits its time limit.

    A reply is lost as a whole: where one completion of three takes too long, so do all.

    Args:
        tokens: that one completion may have at most.
        rate: tokens per second that are reckoned with.
        told_s: what the recipe says; None where the limit is derived.
    """
    seconds = _TOGETHER_S if told_s is None else float(told_s)
    return max(1, int(seconds * rate / max(1, tokens)))
