"""At the end of a phase: what slow processes hand over to those that have nothing left to do.

Nobody can claim what others hold, and a slow node holds as much as a quick one. So a process
without work shows a sign in ``leases/``, whose name says how quickly its servers write a reply. Who
still has work then shows a sign of its own, with the rows that are left. If its work will last for
a while, and servers that have nothing to do are much quicker, it gives units back as one that is
stopped does. The next holder reads their journals, and asks only for what was in flight. Nobody
gives more than its share of what those without work can take.
"""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tsdg.engine.leases import SIGN
from tsdg.engine.open_unit import OpenUnit
from tsdg.engine.timing import Timing
from tsdg.storage import remove, storage

QUICKER = 2.0
"""Times as quick as ours must the others' servers write a reply: what is in flight begins anew, and
has half of its time behind it in the mean."""
_LAST = 3
"""Times as long as a row of those left takes in the mean takes about the last one."""
MOST_HANDS = 3
"""From this generation on a unit stays with its holder, so that none goes round for ever."""
_NUMBER = r"[0-9.e+-]+"
_NAME = re.compile(
    rf"{re.escape(SIGN)}(?P<token>[^_]+)_(?P<turn>\d+)_(?P<left>\d+)_(?P<speed>{_NUMBER})"
)


class Sign:
    """Shows what one process has left to do.

    It changes with each beat. One that does not is of a dead process, whatever any clock says.
    """

    def __init__(self, directory: Path, token: str) -> None:
        self._directory, self._token = directory, token
        self._turn = 0
        self._path: Path | None = None

    def show(self, speed: float, *, left: int) -> None:
        """Show the sign, or change it.

        Args:
            speed: tokens a second of one reply; a process without work does not show itself before
                it is known.
            left: rows without an outcome; 0 for a process without work.

        Raises:
            StorageError: it cannot be written.
        """
        if not speed and not left:
            return
        self._turn += 1
        path = self._directory / f"{SIGN}{self._token}_{self._turn}_{left}_{speed:.3g}"
        with storage("write", path):
            try:
                if self._path is not None:
                    self._path.rename(path)
            except FileNotFoundError:  # swept away by another process
                self._path = None
            if self._path is None:
                path.touch()
        self._path = path

    def hide(self) -> None:
        """Remove the sign: nobody needs it, or this process ends.

        Raises:
            StorageError: it cannot be removed.
        """
        if self._path is not None:
            remove(self._path)
            self._path = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the signs say; only those that have changed since the last look count."""

    idle: int
    """Signs of processes without work, also those that have not changed."""
    quicker: int
    """Processes without work whose servers are much quicker than ours."""
    busy_s: float
    """Rows left by tokens a second, summed over the others that have work: who has how much."""
    own: float
    """Our tokens a second."""


class HandOver:
    """Chooses which of a process's units go to others."""

    def __init__(self, timing: Timing, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Begin to watch.

        Args:
            timing: what is too long.
            monotonic: a clock, seconds.
        """
        self._long_s = timing.hand_over_s
        self._monotonic = monotonic
        self._turns: dict[str, str] = {}
        self._done: deque[tuple[float, int]] = deque()

    def begin(self) -> None:
        """There is work again: what was done before says nothing about it."""
        self._done.clear()

    def look(self, names: Iterable[str], *, speed: float) -> Seen:
        """Read the signs.

        Args:
            names: in ``leases/``.
            speed: tokens a second of one of our own replies; 0 where there was none yet.
        """
        signs = list(filter(None, map(_NAME.fullmatch, names)))
        before, self._turns = self._turns, {sign["token"]: sign["turn"] for sign in signs}
        alive = [sign for sign in signs if before.get(sign["token"], sign["turn"]) != sign["turn"]]
        shown = [(int(sign["left"]), float(sign["speed"])) for sign in alive]
        return Seen(
            idle=sum(sign["left"] == "0" for sign in signs),
            quicker=sum(not left and other >= QUICKER * speed for left, other in shown),
            busy_s=sum(_seconds(left, other) for left, other in shown),
            own=speed,
        )

    def choose(self, units: Sequence[OpenUnit], seen: Seen, *, rows_done: int) -> list[OpenUnit]:
        """The units to hand over now.

        Args:
            units: that this process has open.
            seen: at the last look. Our own sign is among those with work, from the second look on.
            rows_done: by requests of this process so far.
        """
        left = sum(unit.rows_total - unit.rows_done for unit in units)
        if not self._lasts(left, rows_done) or not left:
            return []
        own_s = _seconds(left, seen.own)
        share = seen.quicker * own_s / max(own_s, seen.busy_s)
        return _newest(units, left * share / (1 + share))

    def _lasts(self, left: int, rows_done: int) -> bool:
        """Whether our work lasts for long, by what was done in a time as long."""
        now = self._monotonic()
        self._done.append((now, rows_done))
        while len(self._done) > 1 and now - self._done[1][0] >= self._long_s:
            self._done.popleft()
        since, before = self._done[0]
        return now - since >= self._long_s and _LAST * left > rows_done - before


def _seconds(left: int, speed: float) -> float:
    return left / max(speed, 1.0)


def _newest(units: Sequence[OpenUnit], rows: float) -> list[OpenUnit]:
    """The units begun last, of which least is done, until they have about so many rows left."""
    chosen = []
    for unit in sorted(units, key=lambda unit: -unit.sequence):
        left = unit.rows_total - unit.rows_done
        if unit.lease.generation < MOST_HANDS and left / 2 <= rows and not unit.ending:
            chosen.append(unit)
            rows -= left
    return chosen
