"""The good rows of a run in memory, while it is decided which of them become seeds.

A row takes 49 bytes: the 13.3 million rows of the whole catalogue 0.65 GB.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tsdg.seeds.draw.triage import GOOD, Array

GOOD_ROW, DUPLICATE, DRAWN, SPARE = 0, 1, 2, 3
_STRATA = ("answer", "level", "subject")


class GoodRows:
    """Good rows in the order they were added; a *part* is the rows of one source."""

    def __init__(self) -> None:
        """Hold none yet."""
        self.count = 0
        self._added: list[Array] = []
        self._columns: dict[str, Array] = {}
        self._state: Array = np.zeros(0, np.uint8)

    def add(self, rows: Array) -> None:
        """Append rows of ``GOOD``."""
        self._added.append(rows)
        self.count += len(rows)

    def mark_duplicates(self) -> None:
        """Find the rows whose item came before; call it once, when all rows are there."""
        added = [np.empty(0, GOOD), *self._added]
        self._added = []
        for name in GOOD.names or ():  # one after the other: a whole copy of all is too much
            self._columns[name] = np.concatenate([rows[name] for rows in added])
        self._state = np.zeros(self.count, np.uint8)
        items = self._columns["item"]
        order = np.argsort(items, kind="stable")
        again = np.flatnonzero(items[order][1:] == items[order][:-1]) + 1
        self._state[order[again]] = DUPLICATE

    def spare(self, start: int, stop: int, per_passage: int) -> None:
        """Put aside a part's good rows beyond so many of one passage, those that are drawn last.

        Args:
            start: first row of the part.
            stop: one past its last.
            per_passage: most rows of one passage.
        """
        good = self._places(start, stop, GOOD_ROW)
        passages = self._columns["passage"][good]
        rounds = _ranks(passages, np.lexsort((self._columns["draw"][good],)))
        self._state[good[(rounds >= per_passage) & (passages != 0)]] = SPARE

    def draw(self, start: int, stop: int, quota: int) -> None:
        """Draw from a part: in turn from its passages, and of these from its strata.

        Every passage gives one row before any gives two. Within such a round rows come in turn from
        the classes that are answers, within a class in turn from levels, and within these from
        subjects; what is alike in all of that comes by its hash. So a larger quota keeps what a
        smaller one drew, whatever the order of the file.

        Args:
            start: first row of the part.
            stop: one past its last.
            quota: how many to draw, at most the good ones.
        """
        good = self._places(start, stop, GOOD_ROW)
        columns = {name: self._columns[name][good] for name in ("draw", "passage", *_STRATA)}
        order = np.argsort(columns["draw"], kind="stable")
        rounds = _ranks(columns["passage"], order)
        rounds[columns["passage"] == 0] = 0
        turn = np.zeros(len(good), np.int64)
        for depth in range(len(_STRATA), 0, -1):
            order = np.lexsort((columns["draw"], turn))
            turn = _ranks(_one_key(rounds, *(columns[name] for name in _STRATA[:depth])), order)
        order = np.lexsort((columns["draw"], turn, rounds))
        self._state[good[order[:quota]]] = DRAWN

    def total(self, start: int, stop: int, state: int) -> int:
        """Count the rows of a part in a state."""
        return int(np.count_nonzero(self._state[start:stop] == state))

    def rows(self, start: int, stop: int, state: int) -> Array:
        """Return the row numbers of a part's rows in a state, in order."""
        return np.asarray(self._columns["row"][self._places(start, stop, state)])

    def seed_ids(self, start: int, stop: int, state: int) -> Iterator[str]:
        """Yield the seed ids of a part's rows in a state, in order."""
        for value in self.seeds(start, stop, state):
            yield value.tobytes().hex()

    def seeds(self, start: int, stop: int, state: int) -> Array:
        """Return the same as bytes."""
        return np.asarray(self._columns["seed"][self._places(start, stop, state)])

    def _places(self, start: int, stop: int, state: int) -> Array:
        return start + np.flatnonzero(self._state[start:stop] == state)


def _ranks(keys: Array, order: Array) -> Array:
    """The place of each entry among those with its key, counted from 0 in the given order."""
    by_key = order[np.argsort(keys[order], kind="stable")]
    sorted_keys = keys[by_key]
    starts = np.flatnonzero(np.r_[True, sorted_keys[1:] != sorted_keys[:-1]])
    sizes = np.diff(np.r_[starts, len(sorted_keys)])
    ranks = np.empty(len(keys), np.int64)
    ranks[by_key] = np.arange(len(keys)) - np.repeat(starts, sizes)
    return ranks


def _one_key(*columns: Array) -> Array:
    """Number the combinations of several columns."""
    code = np.zeros(len(columns[0]), np.int64)
    for column in columns:
        _, numbers = np.unique(column, return_inverse=True)
        _, code = np.unique(code * (int(numbers.max(initial=0)) + 1) + numbers, return_inverse=True)
    return code
