"""How an endpoint has treated requests of late: what its failures prove, and who should avoid it.

Pure, but for the clock. A failure says something about a request only where the endpoint answers
others. Suppose that it fails a share of all requests by chance, because one of eight servers behind
its address is dead. Then several failures of one request prove little. So a failure weighs less the
more of the other requests fail there too: the logarithm of that share, against that of an endpoint
that answers nearly all. However much fails, the same chance of a wrong verdict is left.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable

BEST_SHARE = 0.02
"""Share of failing requests below which an endpoint counts as one that answers all."""
_REMEMBERED = 256
_REMEMBERED_S = 120.0
_IN_A_ROW = 3
"""After so many failures without an answer between them, others are asked first."""
_ASIDE_S = 1.0
_LONGEST_ASIDE_S = 60.0
_TRUSTED_AFTER = 20
"""Answers in a row after which an endpoint's earlier failures are forgiven."""


class Conduct:
    """What one endpoint did with the requests of the last two minutes.

    Attributes:
        answered_at: when it last answered; minus infinity where it never has.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        # Only the first try of each request here: one that is sent again and again would count as
        # many, and one that is lucky the third time as none.
        self._firsts: deque[tuple[float, str, bool]] = deque(maxlen=_REMEMBERED)
        self._failures = self._answers = 0
        self._aside_s = 0.0
        self._aside_until = -math.inf
        self.answered_at = -math.inf

    def answered(self, request_id: str, *, first: bool) -> bool:
        """Note an answer.

        Args:
            request_id: what was asked.
            first: whether this endpoint was asked for the first time.

        Returns:
            Whether the endpoint had been set aside.
        """
        was_aside, self._failures = self.aside, 0
        self.answered_at = self._clock()
        self._aside_until = -math.inf
        self._answers += 1
        if self._answers >= _TRUSTED_AFTER:
            self._aside_s = 0.0
        if first:
            self._firsts.append((self.answered_at, request_id, True))
        return was_aside

    def failed(self, request_id: str, *, first: bool) -> bool:
        """Note a failure, whatever the reason; return whether it sets the endpoint aside."""
        now = self._clock()
        was_aside, self._answers = self.aside, 0
        self._failures += 1
        if first:
            self._firsts.append((now, request_id, False))
        if self._failures < _IN_A_ROW and not was_aside:
            return False
        if now >= self._aside_until:
            self._aside_s = min(max(_ASIDE_S, self._aside_s * 2), _LONGEST_ASIDE_S)
            self._aside_until = now + self._aside_s
        return not was_aside

    def set_aside(self) -> None:
        """Have it left alone for as long as any is: it will not answer anybody for now."""
        self._aside_s = _LONGEST_ASIDE_S
        self._aside_until = self._clock() + self._aside_s

    @property
    def aside(self) -> bool:
        """Whether it was set aside and has not answered since."""
        return self._aside_until > -math.inf

    @property
    def aside_s(self) -> float:
        """Seconds for which it is left alone now; 0 where it may be asked."""
        return max(0.0, self._aside_until - self._clock())

    def weight(self, request_id: str) -> float:
        """What a failure of a request here proves against the request, 0 to 1.

        1 where nearly all other requests are answered, nearly 0 where nearly none is.
        """
        start = self._clock() - _REMEMBERED_S
        others = [ok for at, who, ok in self._firsts if at >= start and who != request_id]
        # As if one more had been seen, of which half failed: little evidence weighs little.
        share = (others.count(False) + 0.5) / (len(others) + 1)
        return math.log(max(share, BEST_SHARE)) / math.log(BEST_SHARE)
