"""Predicts how many questions repeat one another when there are many more of them.

Questions that are near to one another are a *group*. A sample of ``n`` questions shows ``f_1``
groups with one question, ``f_2`` with two, and so on. Each group has a rate, the questions of it to
be expected among ``n``; what the rates are is not known, and no form is assumed. A set of rates
says how many groups of each size a sample shows, on average, as Poisson counts, and how many more
groups ``N`` questions reach. So:

- the **interval** runs from the smallest to the largest share of repeated questions, over all sets
  of rates that explain the counts nearly as well as the best one. Two linear programmes find its
  ends: shares are linear in the weights of the rates, and the logarithm of a Poisson likelihood is
  bounded by its tangents. "Nearly" is a loss of 3: a count of 0 then excludes a mean above 3 with
  95 %, and other counts exclude theirs with more;
- the **estimate** is one set of rates within it. It starts smooth, with equally many questions in
  every order of magnitude of the rate, and Richardson and Lucy's iteration makes it likelier. Where
  nothing is repeated, the likeliest is that nothing will be.

A sample shows only so much: two groups seen twice among a hundred questions may be the only ones,
or the first of many. Then the interval is wide.

Sources: Good, *The population frequencies of species*, Biometrika 40 (1953); Efron and Thisted,
*Estimating the number of unseen species*, Biometrika 63 (1976), for the linear programme.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Sizes = NDArray[np.int64]

LOSS = 3.0
"""Of the logarithm of the likelihood, within which a set of rates explains the counts."""
_BINS = ((1, 1), (2, 2), (3, 3), (4, 4), (5, 6), (7, 10))
"""Sizes of groups that are counted together; larger groups are known one by one."""
_LARGEST = _BINS[-1][1]
_RATES = 60
_ROUNDS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A share from 0 to 1, with its 95 % interval."""

    estimate: float
    low: float
    high: float


def repeated_share(sizes: Sizes, *, at: int) -> Share:
    """Predict which share of questions repeats another one, all but one of each group.

    Args:
        sizes: questions in each group of the sample; order does not matter.
        at: how many questions there will be. What fewer than in the sample would show is known:
            the interval has no width.
    """
    sample, groups = int(sizes.sum()), len(sizes)
    if at <= sample:
        share = max(1 - _groups_of(sizes, at) / at, 0.0) if at else 0.0  # rounding may go below
        return Share(estimate=share, low=share, high=share)
    if not sample:
        return Share(estimate=0.0, low=0.0, high=1.0)
    rest = sizes[sizes <= _LARGEST]
    counts = np.array([((rest >= low) & (rest <= high)).sum() for low, high in _BINS], float)
    times = at / sample
    # The first stands for a rate of 0: questions that nothing repeats, however many there are.
    rates = np.r_[1e-300, np.geomspace(1e-3 / times, 2.5 * _LARGEST, _RATES)]
    model = _Model(counts=counts, items=float(rest.sum()), rates=rates, times=times)
    fewest, most = model.bounds()
    estimate, low, high = (1 - (groups + more) / at for more in (model.fitted(), most, fewest))
    # What large groups hold is a share of the sample like any other.
    large = 1 - rest.sum() / sample
    noise = 1.96 * math.sqrt(large * (1 - large) / sample) * (1 - 1 / times)
    # Of the questions that are there already none can become new again.
    least = (sample - groups) / at
    low, high = max(low - noise, least, 0.0), min(high + noise, 1 - groups / at)
    return Share(estimate=min(max(estimate, low), high), low=low, high=high)


def _groups_of(sizes: Sizes, at: int) -> float:
    """Groups of which ``at`` questions, drawn from the sample, are expected to show any."""
    from scipy.special import gammaln

    sample, (distinct, counts) = int(sizes.sum()), np.unique(sizes, return_counts=True)
    left = sample - distinct
    logs = gammaln(left + 1) - gammaln(np.maximum(left - at, 0) + 1)
    logs -= gammaln(sample + 1) - gammaln(sample - at + 1)
    none = np.where(left >= at, np.exp(logs), 0.0)
    return float(counts @ (1 - none))


class _Model:
    """Rates of groups, and what a sample shows of them.

    A weight is the number of questions, of the sample, in groups of one rate.
    """

    def __init__(self, *, counts: Floats, items: float, rates: Floats, times: float) -> None:
        self.counts, self.items = counts, items
        sizes = np.arange(1, _LARGEST + 1)
        logs = (
            sizes[:, None] * np.log(rates)
            - rates
            - np.cumsum(np.log(sizes))[:, None]
            - np.log(rates)
        )
        chances = np.exp(logs)
        """Groups of each size to be expected for each question of each rate."""
        self.seen = np.array([chances[low - 1 : high].sum(axis=0) for low, high in _BINS])
        self.held = (chances * sizes[:, None]).sum(axis=0)
        """Questions that stand in groups of no more than the largest size that is counted."""
        self.new = np.exp(-rates) * -np.expm1(-rates * (times - 1)) / rates
        """Groups that only the further questions reach."""

    def fitted(self) -> float:
        """New groups by the rates that a smooth start becomes."""
        if self.counts[0] == self.items:
            return self.items * float(self.new[0])
        weights = np.full(self.seen.shape[1], self.items / self.seen.shape[1])
        scale = self.seen.sum(axis=0)
        for _ in range(_ROUNDS):
            expected = np.maximum(self.seen @ weights, 1e-300)
            weights *= (self.seen.T @ (self.counts / expected)) / scale
        return float(self.new @ weights)

    def bounds(self) -> tuple[float, float]:
        """The fewest and the most new groups."""
        from scipy.optimize import linprog

        if not self.items:
            return 0.0, 0.0
        rates, bins = self.seen.shape[1], len(self.counts)
        rows, limits = [], []
        for place, count in enumerate(self.counts):
            for at in _tangents(count):
                row = np.zeros(rates + bins)
                row[:rates] = self.seen[place] * (1 - count / at)
                row[rates + place] = -1
                rows.append(row)
                limits.append(-count * math.log(count / at) if count else 0.0)
        whole = np.concatenate([self.held, np.zeros(bins)])
        losses = np.concatenate([np.zeros(rates), np.ones(bins)])
        new = np.concatenate([self.new, np.zeros(bins)])
        common = {"A_eq": whole[None], "b_eq": [self.items], "method": "highs"}
        best = linprog(losses, A_ub=np.array(rows), b_ub=limits, **common)
        limits.append((best.fun if best.success else np.inf) + LOSS)
        within = {"A_ub": np.array([*rows, losses]), "b_ub": limits, **common}
        fewest, most = linprog(new, **within), linprog(-new, **within)
        # Where the solver fails, nothing is claimed.
        return (
            float(fewest.fun) if fewest.success else 0.0,
            float(-most.fun) if most.success else self.items * float(self.new[0]),
        )


def _tangents(count: float) -> Floats:
    """Where the loss of one count is bounded by its tangents."""
    if not count:
        return np.ones(1)
    near = count + np.linspace(-4, 4, 25) * math.sqrt(count)
    return np.concatenate([near[near > 0.02 * count], count * np.geomspace(1e-3, 1e3, 19)])
