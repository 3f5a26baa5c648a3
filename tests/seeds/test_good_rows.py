"""Good rows, against what one would do by hand."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsdg.seeds.draw.good_rows import DRAWN, DUPLICATE, GOOD_ROW, GoodRows
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
