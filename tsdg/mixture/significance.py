"""Pure: errors of a change, how small a change can be seen, and many comparisons at once."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import NormalDist, fmean, stdev

from tsdg.mixture.scores import Score

POWER = 0.8
"""Of ten true falls of the size that is said to be seen, eight are found."""
_NORMAL = NormalDist()
_AGREES = 0.005
"""By which, in points of 100, the mean over items may differ from the score that the file gives."""


def error_of_change(before: Score, after: Score) -> tuple[float | None, bool]:
    """Return the standard error of ``after - before``, and whether it is that of pairs.

    Where both sides kept the scores of the same items, it is the error of the mean difference per
    item: what makes an item hard is the same on both sides and drops out. Else the two are taken
    as independent draws, which overstates the error where both answered the same items.
    """
    paired = _paired_error(before, after)
    if paired is not None:
        return paired, True
    if before.stderr is None or after.stderr is None:
        return None, False
    return math.hypot(before.stderr, after.stderr), False


def _paired_error(before: Score, after: Score) -> float | None:
    first = _items(before)
    if len(first) < 2:
        return None
    second = _items(after)
    if first.keys() != second.keys():
        return None
    return stdev(second[key] - first[key] for key in first) / math.sqrt(len(first))


def _items(score: Score) -> Mapping[str, float]:
    """The item scores in the unit of the score; none where their mean is not the score itself."""
    items = {key: value * score.scale for key, value in score.item_scores().items()}
    if not items or abs(fmean(items.values()) - score.value) > _AGREES:
        return {}
    return items


def holm(p_values: Sequence[float], level: float) -> list[bool]:
    """Say which of several tests hold together at a level, by Holm's step-down procedure."""
    held = [False] * len(p_values)
    for step, place in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        if p_values[place] > level / (len(p_values) - step):
            break
        held[place] = True
    return held


def p_value(change: float, stderr: float) -> float:
    """The chance of a change at least as large, either way, where nothing changed."""
    if stderr == 0:
        return 1.0 if change == 0 else 0.0
    return 2 * _NORMAL.cdf(-abs(change) / stderr)


def level_of(z: float) -> float:
    """The two-sided level that a number of standard errors stands for."""
    return 2 * _NORMAL.cdf(-z)


def smallest_seen(stderr: float, z: float, comparisons: int) -> float:
    """The smallest true fall that is found with probability :data:`POWER`, as one of several."""
    level = level_of(z) / max(comparisons, 1)
    needed = _NORMAL.inv_cdf(1 - level / 2) if level > 0 else math.inf
    return (needed + _NORMAL.inv_cdf(POWER)) * stderr
