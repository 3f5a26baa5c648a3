"""Which studied seeds go on, so that no field and no difficulty exceeds its share.

Pure. Shares are upper bounds. Where a field or difficulty exceeds its bound, seeds are removed,
evenly over the order of the input; where all bounds hold already, none is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from tsdg.concepts import concept_key
from tsdg.config.study import EVERY, StudySharesConfig
from tsdg.rowform import stable_id

Cell = tuple[str, str]
"""Key of a field, and a difficulty."""
_ROUNDS = 100_000
_HASHES = 1 << 32
_SMALL = 1e-9


class Keeper:
    """Decides, one studied seed after the other, whether it goes on."""

    def __init__(
        self, cells: Mapping[Cell, int], *, without: int, shares: StudySharesConfig
    ) -> None:
        """Work out the rates; see :func:`keep_rates`."""
        self._rates = keep_rates(cells, without=without, shares=shares)
        # Each cell begins somewhere: else of thousands of cells with one seed all would go on.
        self._due = {cell: int(stable_id("share", *cell)[:8], 16) / _HASHES for cell in cells}

    def keeps(self, cell: Cell) -> bool:
        """Whether the next seed of a cell goes on: every so many do."""
        self._due[cell] += self._rates[cell]
        if self._due[cell] >= 1:
            self._due[cell] -= 1
            return True
        return False


def keep_rates(
    cells: Mapping[Cell, int], *, without: int, shares: StudySharesConfig
) -> dict[Cell, float]:
    """Return, per cell, the part of its seeds that goes on.

    Args:
        cells: seeds by field and difficulty.
        without: seeds that have no study; they all go on.
        shares: largest shares of what goes on. Where all seeds are bounded and their shares sum to
            less than 1, they are raised in proportion until they do.
    """
    named = {concept_key(name): share for name, share in shares.field.items() if name != EVERY}
    fields = _bounds(cells, 0, named, every=shares.field.get(EVERY), without=without)
    levels = _bounds(cells, 1, shares.difficulty, every=None, without=without)
    rates = dict.fromkeys(cells, 1.0)
    if not fields and not levels:
        return rates
    total = float(sum(cells.values()) + without)
    for _ in range(_ROUNDS):
        rates = dict.fromkeys(cells, 1.0)
        _thin(rates, cells, total, fields, 0)
        _thin(rates, cells, total, levels, 1)
        left = without + sum(cells[cell] * rate for cell, rate in rates.items())
        if left > total - _SMALL * max(total, 1.0):
            break
        total = left
    return rates


def _bounds(
    cells: Mapping[Cell, int],
    place: int,
    named: Mapping[str, float],
    *,
    every: float | None,
    without: int,
) -> dict[str, float]:
    """Class → its largest share, of the classes that there are and that have one."""
    there = {cell[place] for cell, count in cells.items() if count}
    shares = {one: named.get(one, every) for one in there}
    bounds = {one: share for one, share in shares.items() if share is not None}
    whole = sum(bounds.values())
    if bounds and not without and set(bounds) == there and whole < 1:
        return {one: share / whole for one, share in bounds.items()}
    return bounds


def _thin(
    rates: dict[Cell, float],
    cells: Mapping[Cell, int],
    total: float,
    bounds: Mapping[str, float],
    place: int,
) -> None:
    """Lower the rates of the cells of every class that has more than its share of ``total``."""
    has: dict[str, float] = defaultdict(float)
    for cell, count in cells.items():
        has[cell[place]] += count * rates[cell]
    for cell in rates:
        bound = bounds.get(cell[place])
        if bound is not None and has[cell[place]] > bound * total:
            rates[cell] *= bound * total / has[cell[place]]
