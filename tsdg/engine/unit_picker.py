"""Which units one worker still has to try, and which one is next.

Nobody tells a worker which parts others commit, and listing all parts for every unit would take
longer the more there are. So it remembers, looks at the single unit that it has just claimed, and
lists again now and then. Where it meets others it moves to a random place, from where it can go on
for long without meeting anybody.
"""

from __future__ import annotations

import itertools
import threading
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Set
from random import Random

from tsdg.engine.units import InputLayout


class UnitPicker:
    """The units of a phase without a part, best begun first; and those that have one.

    ``look``, ``left`` and ``go_on`` are for one thread at a time; the rest may be called from any.
    """

    def __init__(self, layout: InputLayout, committed: frozenset[int], random: Random) -> None:
        """Begin with what is known to be committed.

        Args:
            layout: how the phase's input is cut.
            committed: units with a part.
            random: draws the places.
        """
        self._rows = layout.rows
        self._sizes = layout.sizes
        self._random = random
        self._lock = threading.Lock()
        self._committed: set[int] = set()
        self.units = layout.units
        self.rows_total = layout.rows_total
        self._rows_committed = 0
        # Longest first: the longest prompts make the longest work, and what is begun last should
        # end soon. Lengths are compared by powers of two, so that units of one task, which share
        # the start of their prompts, stay together.
        self._groups: dict[int, list[int]] = {}
        for index, size in sorted(enumerate(layout.sizes), key=lambda unit: -unit[1].bit_length()):
            self._groups.setdefault(size.bit_length(), []).append(index)
        self._next = dict.fromkeys(self._groups, 0)
        self.look(committed)

    @property
    def committed(self) -> frozenset[int]:
        """The units known to be committed."""
        with self._lock:
            return frozenset(self._committed)

    @property
    def units_left(self) -> int:
        """Units not known to be committed."""
        return self.units - len(self._committed)

    def rows_done(self, under_way: Mapping[int, int]) -> int:
        """Rows of the committed units, plus those done in other units that are ``under_way``."""
        with self._lock:
            return self._rows_committed + sum(
                rows for index, rows in under_way.items() if index not in self._committed
            )

    def add(self, index: int) -> None:
        """Learn that a unit is committed."""
        self._add({index})

    def look(self, committed: frozenset[int]) -> None:
        """Learn of all units that are committed now."""
        self._add(committed)
        for bits, units in self._groups.items():
            self._groups[bits] = [index for index in units if index not in self._committed]

    def left(self, held: frozenset[int]) -> Iterator[int]:
        """The units neither known to be committed nor ``held``, best begun first."""
        for bits, units in self._groups.items():
            place = bisect_left(units, self._next[bits])
            for index in itertools.chain(
                itertools.islice(units, place, None), itertools.islice(units, place)
            ):
                if index not in self._committed and index not in held:
                    yield index

    def go_on(self, after: int, *, alone: bool) -> None:
        """Say where to go on.

        Args:
            after: the unit claimed last.
            alone: whether nobody else was met there; else a random place among units as long is
                gone to.
        """
        bits = self._sizes[after].bit_length()
        units = self._groups[bits]
        self._next[bits] = after + 1 if alone or not units else self._random.choice(units)

    def _add(self, committed: Set[int]) -> None:
        with self._lock:
            new = committed - self._committed
            self._committed |= new
            self._rows_committed += sum(self._rows[index] for index in new)
