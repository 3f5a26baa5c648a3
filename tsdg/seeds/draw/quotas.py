"""How many seeds each task gives: integer quotas from the good rows that there are. Pure.

Seeds are dealt one by one to the tasks until caps stop every one of them. What comes next depends
on the mix:

* ``uniform``, ``proportional`` and ``temperature`` deal by weights 1, n and n^(1/T), where n is a
  task's good rows: the next seed goes to the task with the smallest (seeds so far + ½) / weight
  (Webster's method);
* ``round_robin`` deals to the domain with the fewest seeds so far, in it to the family with the
  fewest, in it to the task with the fewest.

A task that one of its caps stops (its own, its family's, its group's, the total's) leaves the deal,
and the others go on. So a quota never falls when the total grows. The order of the tasks does not
matter, because ties are broken by name.

Shares divide the seeds into classes: the domains and languages that they name, and the rest. Each
class is dealt by itself. Shares are exact to the row; if a class has too few rows, the total is
lowered, and a note says so. Where both domains and languages have shares, the classes are their
pairs. Iterative proportional fitting, begun from the deal without shares, fits the pairs to both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tsdg.errors import RecipeError
from tsdg.seeds.draw.quota_dealing import REST, Counts, Dealer, Reals, Stock, Wishes

_FITS = 1e-4
"""How close pairs of shares must come to what was asked for."""
_ROUNDS = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotas:
    """The answer."""

    tasks: Mapping[str, int]
    """Task → seeds, in the order of the stocks."""
    notes: tuple[str, ...]
    """One line for each key that the rows cannot meet."""


def solve(stocks: Sequence[Stock], wishes: Wishes) -> Quotas:
    """Find the quotas.

    Args:
        stocks: the tasks, each once.
        wishes: caps, mix and shares.

    Raises:
        RecipeError: shares name what no task has, or cannot hold whatever the number of seeds.
    """
    table = Dealer(sorted(stocks, key=lambda stock: stock.task), wishes)
    notes: list[str] = []
    if wishes.domain_shares or wishes.language_shares:
        quotas = _by_shares(table, wishes, notes)
    else:
        quotas = table.deal({REST: wishes.total} if wishes.total else {})
    if wishes.total and quotas.sum() < wishes.total and not notes:
        notes.append(
            f"seeds.total: {wishes.total:,} asked for, rows and caps leave {quotas.sum():,}"
        )
    by_task = dict(zip(table.tasks, quotas.tolist(), strict=True))
    return Quotas(tasks={stock.task: by_task[stock.task] for stock in stocks}, notes=tuple(notes))


def _by_shares(table: Dealer, wishes: Wishes, notes: list[str]) -> Counts:
    """Deal each class its part; shrink the whole until every class can have its part."""
    parts = _classify(table, wishes)
    wanted = wishes.total or int(table.most.sum())
    # What a class has at most, without the others.
    got = {name: int(table.deal({name: wanted}).sum()) for name in parts}
    limiting = ""
    while True:
        for name, part in parts.items():
            if (fits := int(got[name] / part + 1e-9)) < wanted:
                wanted, limiting = fits, name
        limits = apportion(wanted, parts)
        quotas = table.deal(limits)
        got = {name: int(quotas[table.classes == name].sum()) for name in parts}
        if got == limits:
            break
        wanted -= (
            1  # a class is short by rounding, or shares a family's or group's cap with another
        )
    if wishes.total and limiting:
        notes.append(
            f"seeds.shares: {parts[limiting]:.4g} of seeds.total={wishes.total:,} for {limiting} "
            "asks for more rows "
            f"than there are; the shares hold, and the total is {wanted:,}"
        )
    return quotas


def apportion(whole: int, parts: Mapping[str, float]) -> dict[str, int]:
    """Divide a whole by parts that sum to 1, to integers that sum to the whole.

    Largest remainders, ties by name.
    """
    exact = {name: whole * part for name, part in parts.items()}
    out = {name: int(value + 1e-9) for name, value in exact.items()}
    left = whole - sum(out.values())
    for name in sorted(exact, key=lambda name: (out[name] - exact[name], name))[:left]:
        out[name] += 1
    return out


def _classify(table: Dealer, wishes: Wishes) -> dict[str, float]:
    """Set the classes of the table's tasks; return each class's part of the whole."""
    domains = _margin("domain", table.domains, wishes.domain_shares)
    languages = _margin("language", table.languages, wishes.language_shares)
    pairs = [
        (
            domain if domain in wishes.domain_shares else REST,
            language if language in wishes.language_shares else REST,
        )
        for domain, language in zip(table.domains, table.languages, strict=True)
    ]
    rows, columns = list(domains), list(languages)
    weights = _weights(table, pairs, rows, columns)
    _require_rows("domain", rows, weights.sum(axis=1))
    _require_rows("language", columns, weights.sum(axis=0))
    fitted = _fit(weights, np.array(list(domains.values())), np.array(list(languages.values())))
    table.classes = np.array([_class_name(*pair) for pair in pairs])
    parts = {
        _class_name(row, column): float(fitted[i, j])
        for i, row in enumerate(rows)
        for j, column in enumerate(columns)
    }
    return {name: part for name, part in parts.items() if part > 0}


def _weights(
    table: Dealer, pairs: Sequence[tuple[str, str]], rows: list[str], columns: list[str]
) -> Reals:
    """Seeds of each pair of classes as they would be dealt without shares."""
    weights = np.zeros((len(rows), len(columns)))
    for (row, column), seeds in zip(pairs, table.deal({}).tolist(), strict=True):
        # Shares that sum to 1 leave nothing for the rest.
        if row in rows and column in columns:
            weights[rows.index(row), columns.index(column)] += seeds
    return weights


def _require_rows(what: str, names: Sequence[str], sums: Reals) -> None:
    empty = [
        name or "others" for name, seeds in zip(names, sums.tolist(), strict=True) if not seeds
    ]
    if empty:
        raise RecipeError(
            f"seeds.shares.{what}: no good row for {empty[0]}, which is to have a share; take it "
            "out"
        )


def _class_name(domain: str, language: str) -> str:
    return " in ".join(filter(None, (domain, language))) or "all else"


def _margin(what: str, known: Sequence[str], shares: Mapping[str, float]) -> dict[str, float]:
    """The shares and what is left for the rest, which sum to 1.

    The rest alone where there are none.
    """
    unknown = sorted(set(shares) - set(known))
    if unknown:
        allowed = ", ".join(sorted(set(known)))
        raise RecipeError(
            f"seeds.shares.{what}: found {unknown[0]}, which no chosen task has; allowed: {allowed}"
        )
    left = 1 - sum(shares.values())
    if left <= 1e-9:
        return dict(shares)
    if not set(known) - set(shares):
        raise RecipeError(
            f"seeds.shares.{what}: the shares sum to {1 - left:g} and leave no {what} for the "
            "rest; make them sum to 1"
        )
    return {**shares, REST: left}


def _fit(weights: Reals, rows: Reals, columns: Reals) -> Reals:
    """Scale rows and columns in turn until both match their sums (proportional fitting)."""
    fitted = weights.copy()
    for _ in range(_ROUNDS):
        for axis, margin in ((1, rows), (0, columns)):
            sums = fitted.sum(axis=axis)
            fitted = fitted * np.expand_dims(
                np.divide(margin, sums, out=np.zeros_like(sums), where=sums > 0), axis
            )
        off = max(
            np.abs(fitted.sum(axis=1) - rows).max(), np.abs(fitted.sum(axis=0) - columns).max()
        )
        if off < _FITS:
            return np.asarray(fitted / fitted.sum())
    raise RecipeError(
        "seeds.shares: those of domains and of languages cannot both hold, because no task has "
        "some pair of domain and language; change one of them"
    )
