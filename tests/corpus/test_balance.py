"""Shares of fields and difficulties: bounds of what goes on; no seed is lost without need."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from tsdg.config.study import StudySharesConfig
from tsdg.corpus.balance import Cell, Keeper, keep_rates

CELLS: dict[Cell, int] = {
    ("medicine", "3"): 600,
    ("medicine", "1"): 100,
    ("physic", "3"): 200,
    ("physic", "1"): 100,
}


def shares(field: dict[str, float] | None = None, **difficulty: float) -> StudySharesConfig:
    levels = {name.removeprefix("d"): share for name, share in difficulty.items()}
    return StudySharesConfig(field=field or {}, difficulty=levels)


def kept(cells: dict[Cell, int], config: StudySharesConfig, without: int = 0) -> Counter[Cell]:
    keeper = Keeper(cells, without=without, shares=config)
    out: Counter[Cell] = Counter()
    for cell, count in cells.items():
        out[cell] = sum(keeper.keeps(cell) for _ in range(count))
    return out


def part(found: Counter[Cell], place: int, name: str, without: int = 0) -> float:
    count = sum(n for cell, n in found.items() if cell[place] == name)
    return count / (found.total() + without)


def test_without_shares_every_seed_goes_on() -> None:
    assert kept(CELLS, shares()) == CELLS


def test_bounds_that_hold_leave_nothing() -> None:
    assert kept(CELLS, shares({"medicine": 0.7}, d1=0.2)) == CELLS


def test_what_has_too_much_gets_its_share_and_the_rest_goes_on() -> None:
    found = kept(CELLS, shares({"Medicine": 0.5}))
    assert part(found, 0, "medicine") == pytest.approx(0.5, abs=0.01)
    assert (found["physic", "3"], found["physic", "1"]) == (200, 100)
    assert found["medicine", "3"] / found["medicine", "1"] == pytest.approx(6, rel=0.1)


def test_both_kinds_of_bounds_hold_together() -> None:
    found = kept(CELLS, shares({"medicine": 0.6}, d1=0.1))
    assert part(found, 0, "medicine") <= 0.61
    assert part(found, 1, "1") <= 0.11
    assert found.total() > 400


def test_the_star_is_every_field_that_is_not_named() -> None:
    cells: dict[Cell, int] = {(f"f{n}", "2"): 100 * (n + 1) for n in range(8)}
    found = kept(cells, shares({"f7": 0.3, "*": 0.15}))
    assert found["f7", "2"] == 800
    assert all(part(found, 0, f"f{n}") <= 0.16 for n in range(7))


def test_seeds_without_a_study_count_and_stay() -> None:
    found = kept({("medicine", "3"): 1000}, shares({"medicine": 0.5}), without=100)
    assert part(found, 0, "medicine", without=100) == pytest.approx(0.5, abs=0.01)


def test_shares_that_cannot_sum_to_one_are_raised_in_proportion() -> None:
    found = kept({("a", "1"): 500, ("b", "1"): 500}, shares({"a": 0.1, "b": 0.3}))
    assert part(found, 0, "a") == pytest.approx(0.25, abs=0.01)
    assert found["b", "1"] == 500


def test_what_is_left_is_spread_over_the_order() -> None:
    keeper = Keeper(CELLS, without=0, shares=shares({"medicine": 0.5}))
    marks = [keeper.keeps(("medicine", "3")) for _ in range(600)]
    assert abs(sum(marks[:300]) - sum(marks[300:])) <= 1


def test_many_fields_with_one_seed_each_are_thinned_like_one() -> None:
    cells: dict[Cell, int] = {(f"f{n}", "1" if n % 2 else "3"): 1 for n in range(2000)}
    found = kept(cells, shares(d1=0.2))
    assert part(found, 1, "1") == pytest.approx(0.2, abs=0.03)
    assert sum(n for cell, n in found.items() if cell[1] == "3") == 1000


def test_rates_are_between_nothing_and_all() -> None:
    rates: Any = keep_rates(CELLS, without=0, shares=shares({"medicine": 0.01, "physic": 0.01}))
    assert all(0 < rate <= 1 for rate in rates.values())
