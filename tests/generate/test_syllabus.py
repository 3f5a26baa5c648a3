"""What questions aim at: near the seed, rare ones sooner, the same for the same draw."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pyarrow as pa

from tests.corpus.test_studies import study
from tsdg.generate.syllabus import Syllabus
from tsdg.records import Study


def table(rows: list[tuple[str, str, str, int]]) -> pa.Table:
    ordered = sorted(rows, key=lambda row: (row[0], row[1], -row[3], row[2]))
    names = ["field", "subfield", "concept", "count"]
    return pa.table(dict(zip(names, zip(*ordered, strict=True), strict=True)))


def cells(count: int, **over: int) -> list[tuple[str, str, str, int]]:
    return [("biology", "cells", f"c{n}", over.get(f"c{n}", 1)) for n in range(count)]


def aims(syllabus: Syllabus, one: Study, draws: int, seed: int = 7) -> list[str]:
    return [syllabus.aim(one, seed=seed, draw=draw) for draw in range(draws)]


def of_cells(*concepts: str, **over: Any) -> Study:
    return study("s", concepts, **{"field": "biology", "subfield": "cells", **over})


def test_the_same_draw_aims_at_the_same_and_others_elsewhere() -> None:
    syllabus, one = Syllabus(table(cells(50))), of_cells("c0", "c1")
    assert aims(syllabus, one, 40) == aims(Syllabus(table(cells(50))), one, 40)
    assert aims(syllabus, one, 40) != aims(syllabus, one, 40, seed=8)
    assert len(set(aims(syllabus, one, 40))) > 20


def test_no_draw_aims_at_a_concept_of_the_seed_itself() -> None:
    one = of_cells(*(f"c{n}" for n in range(6)))
    assert {"c0", "c1", "c2"}.isdisjoint(aims(Syllabus(table(cells(14))), one, 500))
    alone = Syllabus(table(cells(6)))
    assert set(aims(alone, one, 20)) == {""}


def test_a_concept_is_as_likely_as_one_over_the_root_of_its_count() -> None:
    common = {f"c{n}": 100 for n in range(10)}
    found = Counter(aims(Syllabus(table(cells(20, **common))), of_cells("x", "y"), 6000))
    often, seldom = (sum(found[f"c{n}"] for n in part) for part in (range(10), range(10, 20)))
    assert 9 < seldom / often < 11.5


def test_neighbours_are_subfields_that_share_concepts() -> None:
    rows = cells(30)
    rows += [("biology", "tissues", f"t{n}", 1) for n in range(20)]
    rows += [("biology", "tissues", "c3", 1)]
    rows += [("history", "rome", f"r{n}", 1) for n in range(20)]
    found = Counter(name[0] for name in aims(Syllabus(table(rows)), of_cells("c0", "c1"), 2000))
    assert set(found) == {"c", "t"}
    assert 400 < found["t"] < 700


def test_a_narrow_subfield_widens_to_its_field() -> None:
    rows = [("biology", "cells", "c0", 1), ("biology", "cells", "c1", 1)]
    rows += [("biology", "birds", f"b{n}", 1) for n in range(20)]
    rows += [("history", "rome", f"r{n}", 1) for n in range(20)]
    found = set(aims(Syllabus(table(rows)), of_cells("c0", "c1"), 300))
    assert found == {f"b{n}" for n in range(20)}


def test_a_seed_of_an_unknown_subfield_has_no_aim() -> None:
    syllabus = Syllabus(table(cells(20)))
    assert set(aims(syllabus, of_cells("c0", subfield="other"), 5)) == {""}
    assert aims(Syllabus(table(cells(20)).slice(0, 0)), of_cells("c0"), 3) == ["", "", ""]


def test_two_thousand_draws_reach_three_times_as_many_concepts_as_the_seeds_have() -> None:
    """Twenty seeds of one subject, of three thousand whose concepts follow a power law."""
    dice = random.Random(4)
    weights = [1 / (rank + 1) for rank in range(1500)]

    def one(name: int) -> Study:
        concepts = {f"k{n}" for n in dice.choices(range(1500), weights, k=4)}
        return of_cells(*sorted(concepts), seed_id=f"s{name}")

    studies = [one(name) for name in range(3000)]
    counts = Counter(concept for made in studies for concept in made.concepts)
    syllabus = Syllabus(table([("biology", "cells", name, n) for name, n in counts.items()]))
    seeds = studies[:20]
    reached = {syllabus.aim(made, seed=0, draw=draw) for made in seeds for draw in range(100)} - {
        ""
    }
    without = {concept for made in seeds for concept in made.concepts}
    assert len(reached) >= 3 * len(without)
