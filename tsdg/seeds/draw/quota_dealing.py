"""Deals seeds to tasks one after the other, in big steps.

See :mod:`tsdg.seeds.draw.quotas` for the rules. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

Mix = Literal["proportional", "uniform", "temperature", "round_robin"]
Counts = np.ndarray[Any, np.dtype[np.int64]]
Mask = np.ndarray[Any, np.dtype[np.bool_]]
Reals = np.ndarray[Any, np.dtype[np.float64]]
Strings = np.ndarray[Any, np.dtype[np.str_]]

REST = ""
"""The class of all that no share names; the only class where there are no shares."""
_NONE = 2**62
"""A cap that never stops anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stock:
    """What one task has."""

    task: str
    family: str
    group: str
    domain: str
    language: str
    rows: int
    """Good rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What is asked for."""

    cap_per_task: int
    task_caps: Mapping[str, int]
    """Task → most seeds of it, where it has a cap of its own."""
    family_caps: Mapping[str, int]
    """Family → most seeds; a family that is not named has no cap."""
    cap_per_group: int
    """0 for none."""
    total: int
    """0 for no limit."""
    mix: Mix
    temperature: float
    """Of ``mix=temperature``, at least 1."""
    domain_shares: Mapping[str, float]
    language_shares: Mapping[str, float]


class Dealer:
    """The tasks of one request, sorted by name.

    Attributes:
        tasks: their names.
        domains: of each task.
        languages: of each task.
        most: per task, the smaller of its rows and its cap.
        classes: per task, the class whose limit it counts against.
    """

    def __init__(self, stocks: Sequence[Stock], wishes: Wishes) -> None:
        """Take the stocks, sorted by task."""
        self.tasks = [stock.task for stock in stocks]
        self.domains = [stock.domain for stock in stocks]
        self.languages = [stock.language for stock in stocks]
        self.most: Counts = np.array(
            [
                min(stock.rows, wishes.cap_per_task, wishes.task_caps.get(stock.task, stock.rows))
                for stock in stocks
            ],
            dtype=np.int64,
        )
        self.classes: Strings = np.full(len(stocks), REST, dtype=np.str_)
        self._mix = wishes.mix
        rows = np.array([stock.rows for stock in stocks], dtype=np.float64)
        power = {"proportional": 1.0, "temperature": 1 / wishes.temperature}.get(wishes.mix, 0.0)
        self._weights: Reals = rows**power
        self._families, names = _codes([stock.family for stock in stocks])
        self._family_caps: Counts = np.array(
            [wishes.family_caps.get(name, _NONE) for name in names], dtype=np.int64
        )
        self._groups, names = _codes([stock.group for stock in stocks])
        self._group_caps: Counts = np.full(
            len(names), wishes.cap_per_group or _NONE, dtype=np.int64
        )
        self._tree = _tree(stocks)

    def deal(self, limits: Mapping[str, int]) -> Counts:
        """Deal until caps stop every task.

        Args:
            limits: class → most seeds, 0 for a class that is not named; empty for no limit at all.

        Returns:
            Seeds per task.
        """
        if len(self.most) == 0:
            return np.zeros(0, dtype=np.int64)
        classes, names = _codes(self.classes.tolist())
        class_caps = np.array(
            [limits.get(name, 0) if limits else _NONE for name in names], dtype=np.int64
        )
        caps = _Caps(
            [
                (self._families, self._family_caps),  # a family may have tasks in several domains
                (self._groups, self._group_caps),
                (classes, class_caps),
            ]
        )
        return self._in_turn(caps) if self._mix == "round_robin" else self._by_weight(caps)

    def _by_weight(self, caps: _Caps) -> Counts:
        quotas = np.zeros_like(self.most)
        active = (self.most > 0) & ~caps.full(quotas)
        weights = np.where(self._weights > 0, self._weights, 1.0)

        def at(level: float) -> Counts:
            """What the tasks have when the next seed is worth ``1 / level``."""
            reached = np.floor(level * weights + 0.5)
            # Equal quotients are equal as floats; their products with the level need not be, and
            # would break ties.
            reached -= (reached - 0.5) / weights > level
            reached += (reached + 0.5) / weights <= level
            reached = np.minimum(reached, self.most).astype(np.int64)
            return np.asarray(np.where(active, np.maximum(reached, quotas), quotas))

        low = 0.25 / float(weights.max())
        top = 2 * float((self.most / weights).max()) + 1
        while active.any():
            high = top
            if caps.hold(at(high)):
                return at(high)
            while int((at(high) - at(low)).sum()) > 1 and low < (middle := (low + high) / 2) < high:
                low, high = (middle, high) if caps.hold(at(middle)) else (low, middle)
            after = at(high)
            quotas = at(low)
            for place in np.flatnonzero(after > quotas).tolist():
                if caps.full(quotas)[place]:
                    continue
                quotas[place] += 1
            low = high
            active &= ~caps.full(quotas)
        return quotas

    def _in_turn(self, caps: _Caps) -> Counts:
        quotas = np.zeros_like(self.most)
        active = ~caps.full(quotas)
        while True:
            most = np.where(active, self.most, quotas)
            families = [
                np.array(
                    [
                        min(int(most[f].sum()), int(self._family_caps[self._families[f[0]]]))
                        for f in domain
                    ]
                )
                for domain in self._tree
            ]
            low, high = int(quotas.sum()), int(sum(domain.sum() for domain in families))
            done = self._filled(quotas, most, families, high)
            if caps.hold(done):
                return done
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (
                    (middle, high)
                    if caps.hold(self._filled(quotas, most, families, middle))
                    else (low, middle)
                )
            quotas = self._filled(quotas, most, families, low)
            active &= ~caps.full(quotas)

    def _filled(
        self, quotas: Counts, most: Counts, families: Sequence[Counts], whole: int
    ) -> Counts:
        """Deal in turn, from ``quotas`` on, until there are ``whole`` seeds."""
        out = quotas.copy()
        has = np.array(
            [sum(int(quotas[members].sum()) for members in domain) for domain in self._tree]
        )
        room = np.array([int(domain.sum()) for domain in families])
        for domain, limits, seeds in zip(
            self._tree, families, level(has, room, whole).tolist(), strict=True
        ):
            has_family = np.array([int(quotas[members].sum()) for members in domain])
            for members, part in zip(
                domain, level(has_family, limits, seeds).tolist(), strict=True
            ):
                out[members] = level(quotas[members], most[members], part)
        return out


def _tree(stocks: Sequence[Stock]) -> list[list[Counts]]:
    """Places of tasks by family by domain, both sorted by name."""
    tree: dict[str, dict[str, list[int]]] = {}
    for place, stock in enumerate(stocks):
        tree.setdefault(stock.domain, {}).setdefault(stock.family, []).append(place)
    return [
        [np.array(members, dtype=np.int64) for _, members in sorted(families.items())]
        for _, families in sorted(tree.items())
    ]


class _Caps:
    """Caps over sets of tasks: each kind has one set per task."""

    def __init__(self, kinds: list[tuple[Counts, Counts]]) -> None:
        """Take, per kind, the set of each task and the cap of each set."""
        self.kinds = kinds

    def hold(self, quotas: Counts) -> bool:
        """Whether no cap is broken."""
        return all((_sums(sets, quotas, len(caps)) <= caps).all() for sets, caps in self.kinds)

    def full(self, quotas: Counts) -> Mask:
        """Which tasks stand in a set without room."""
        masks = [(_sums(sets, quotas, len(caps)) >= caps)[sets] for sets, caps in self.kinds]
        return np.asarray(np.logical_or.reduce(masks))


def _sums(sets: Counts, quotas: Counts, count: int) -> Counts:
    return np.bincount(sets, weights=quotas, minlength=count).astype(np.int64)


def _codes(names: Sequence[str]) -> tuple[Counts, list[str]]:
    """Number names: per entry its number, and the names by number."""
    known = {name: number for number, name in enumerate(sorted(set(names)))}
    return np.array([known[name] for name in names], dtype=np.int64), list(known)


def level(has: Counts, most: Counts, whole: int) -> Counts:
    """Deal to whoever has the fewest until there are ``whole``; ties go in order.

    Args:
        has: what each has already, at most ``most``.
        most: where each is full.
        whole: between the sums of ``has`` and ``most``.
    """
    steps = np.unique(np.concatenate([has, most]))
    totals = np.clip(steps[:, None], has, most).sum(axis=1)
    place = int(np.searchsorted(totals, whole, side="right")) - 1
    start = int(steps[place])
    rising = int(((has <= start) & (start < most)).sum())
    height = start + ((whole - int(totals[place])) // rising if rising else 0)
    out = np.clip(height, has, most)
    wanting = np.flatnonzero((has <= height) & (height < most))
    out[wanting[: whole - int(out.sum())]] += 1
    return np.asarray(out)
