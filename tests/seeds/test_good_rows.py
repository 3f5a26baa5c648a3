"""Good rows, against what one would do by hand."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsdg.seeds.draw.good_rows import DRAWN, DUPLICATE, GOOD_ROW, SPARE, GoodRows
from tsdg.seeds.draw.triage import GOOD

Row = tuple[int, int]


def held(parts: list[list[Row]]) -> tuple[GoodRows, list[range]]:
    """Rows of (item, place in the draw), part by part, each numbered from 0."""
    good, spans = GoodRows(), []
    for part in parts:
        start = good.count
        for at in range(0, len(part), 3):
            rows = [
                (item, draw, at + number, 0, 0, 0, 0, bytes([number]) * 12)
                for number, (item, draw) in enumerate(part[at : at + 3])
            ]
            good.add(np.array(rows, GOOD))
        spans.append(range(start, good.count))
    good.mark_duplicates()
    return good, spans


ROWS = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 2**64 - 1)), max_size=20)


@given(st.lists(ROWS, min_size=1, max_size=4), st.integers(0, 5))
def test_every_row_has_one_fate(parts: list[list[Row]], quota: int) -> None:
    good, spans = held(parts)
    seen: set[int] = set()
    for part, span in zip(parts, spans, strict=True):
        first = []
        for number, (item, draw) in enumerate(part):
            if item not in seen:
                first.append((draw, number))
            seen.add(item)
        most = min(quota, len(first))
        again = sorted(set(range(len(part))) - {number for _, number in first})
        assert good.rows(span.start, span.stop, DUPLICATE).tolist() == again
        good.draw(span.start, span.stop, most)
        drawn = sorted(number for _, number in sorted(first)[:most])
        assert good.rows(span.start, span.stop, DRAWN).tolist() == drawn
        left = good.total(span.start, span.stop, GOOD_ROW)
        assert left + most + len(again) == len(part)


def test_seed_ids_come_back_whole() -> None:
    good = GoodRows()
    seed = bytes(range(12))
    good.add(np.array([(1, 1, 0, *[0] * 4, seed), (1, 2, 1, *[0] * 4, bytes(12))], GOOD))
    good.mark_duplicates()
    assert list(good.seed_ids(0, 2, GOOD_ROW)) == [seed.hex()]
    assert list(good.seed_ids(0, 2, DUPLICATE)) == ["00" * 12]


@pytest.mark.parametrize("count", [0, 1, 10_000])
def test_a_draw_is_the_smallest_keys(count: int) -> None:
    dice = random.Random(count)
    part = [(number, dice.getrandbits(64)) for number in range(count)]
    good, (span,) = held([part])
    good.draw(span.start, span.stop, count // 2)
    taken = good.total(span.start, span.stop, DRAWN)
    assert taken == count // 2


def of_strata(rows: list[tuple[int, int, int, int]]) -> tuple[GoodRows, list[int]]:
    """Rows of (passage, answer, level, subject), with keys that put the last row first."""
    good = GoodRows()
    count = len(rows)
    good.add(np.array([(n, count - n, n, *row, bytes(12)) for n, row in enumerate(rows)], GOOD))
    good.mark_duplicates()
    return good, list(range(count))


def drawn(good: GoodRows, count: int, quota: int) -> list[int]:
    good.draw(0, count, quota)
    return good.rows(0, count, DRAWN).tolist()


def test_classes_come_in_turn() -> None:
    rows = [(0, 1, 0, 0)] * 38 + [(0, 2, 0, 0)] * 2
    for quota, twos in ((1, 1), (2, 1), (4, 2), (10, 2)):
        good, places = of_strata(rows)
        assert sum(place >= 38 for place in drawn(good, len(places), quota)) == twos


def test_within_a_class_levels_come_in_turn_and_within_these_subjects() -> None:
    rows = [(0, 1, 1, 1)] * 20 + [(0, 1, 2, 1)] * 2 + [(0, 1, 2, 2)] + [(0, 2, 1, 1)] * 2
    good, places = of_strata(rows)
    taken = drawn(good, len(places), 4)
    kinds = sorted(rows[place] for place in taken)
    assert kinds == [(0, 1, 1, 1), (0, 1, 2, 2), (0, 2, 1, 1), (0, 2, 1, 1)]


def test_every_passage_gives_one_row_before_any_gives_two() -> None:
    rows = [(7, 0, 0, 0)] * 30 + [(passage, 0, 0, 0) for passage in range(1, 7)]
    good, places = of_strata(rows)
    assert {rows[place][0] for place in drawn(good, len(places), 7)} == set(range(1, 8))


def test_a_passage_gives_no_more_than_it_may_and_nothing_is_lost() -> None:
    rows = [(7, 0, 0, 0)] * 30 + [(0, 0, 0, 0)] * 5
    good, places = of_strata(rows)
    good.spare(0, len(places), 3)
    assert good.total(0, len(places), GOOD_ROW) == 8  # rows without a passage are free
    assert good.rows(0, len(places), SPARE).tolist() == list(range(27))
    assert len(drawn(good, len(places), 8)) == 8


def test_a_larger_quota_keeps_what_a_smaller_one_drew() -> None:
    dice = random.Random(5)
    rows = [tuple(dice.randrange(4) for _ in range(4)) for _ in range(200)]
    before: set[int] = set()
    for quota in (0, 1, 5, 40, 120, 200):
        good, places = of_strata(rows)  # type: ignore[arg-type]
        now = set(drawn(good, len(places), quota))
        assert before <= now
        assert len(now) == quota
        before = now
