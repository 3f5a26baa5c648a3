from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.engine.lab import write_input
from tsdg.engine.unit_picker import UnitPicker
from tsdg.engine.units import InputLayout, read_layout

NONE: frozenset[int] = frozenset()


@pytest.fixture
def layout(tmp_path: Path) -> InputLayout:
    """Units 2 and 4 are much longer than the others, and unit 5 is much shorter."""
    path = tmp_path / "lengths.parquet"
    schema = pa.schema([("input_id", pa.string())])
    with pq.ParquetWriter(path, schema, use_dictionary=False) as writer:
        for unit, length in enumerate([100, 120, 1000, 90, 1100, 20]):
            rows = [f"{unit}-{row}".ljust(length, "x") for row in range(50 + unit)]
            writer.write_table(pa.table({"input_id": rows}, schema))
    return read_layout(path)


def picker_of(layout: InputLayout, committed: Sequence[int] = ()) -> UnitPicker:
    return UnitPicker(layout, frozenset(committed), Random(1))


def test_much_longer_units_are_begun_first_and_others_stay_in_order(
    layout: InputLayout, tmp_path: Path
) -> None:
    assert list(picker_of(layout).left(NONE)) == [2, 4, 0, 1, 3, 5]
    even = read_layout(write_input(tmp_path / "even.parquet", rows=400, unit_rows=100))
    assert list(picker_of(even).left(NONE)) == [0, 1, 2, 3]


def test_what_is_committed_or_held_is_not_left(layout: InputLayout) -> None:
    picker = picker_of(layout, [4])
    assert list(picker.left(frozenset({0}))) == [2, 1, 3, 5]
    picker.add(1)
    assert list(picker.left(NONE)) == [2, 0, 3, 5]
    picker.look(frozenset({1, 4, 2}))
    assert list(picker.left(NONE)) == [0, 3, 5]
    assert (picker.units, picker.units_left, picker.committed) == (6, 3, {1, 2, 4})


def test_rows_count_once_however_often_their_unit_is_seen(layout: InputLayout) -> None:
    picker = picker_of(layout, [5])
    assert (picker.rows_total, picker.rows_done({})) == (315, 55)
    assert picker.rows_done({0: 7, 5: 55}) == 62
    picker.add(0)
    picker.look(frozenset({0, 5}))
    assert picker.rows_done({0: 50, 5: 55}) == 105


def test_alone_it_goes_on_in_order_and_comes_round(layout: InputLayout) -> None:
    picker = picker_of(layout)
    picker.go_on(1, alone=True)
    assert list(picker.left(NONE)) == [2, 4, 3, 0, 1, 5]
    for last in (5, 4, 3):
        picker.go_on(last, alone=True)
    assert list(picker.left(NONE)) == [2, 4, 0, 1, 3, 5]


def test_where_others_are_it_goes_to_any_place_among_units_as_long(tmp_path: Path) -> None:
    layout = read_layout(write_input(tmp_path / "in.parquet", rows=200, unit_rows=1))
    picker = picker_of(layout, [7])
    starts = Counter[int]()
    for _ in range(2000):
        picker.go_on(3, alone=False)
        order = list(picker.left(NONE))
        expected = [*range(order[0], 200), *range(order[0])]
        expected.remove(7)
        assert order == expected, "on from there, and round"
        starts[order[0]] += 1
    assert len(starts) > 190, "no corner is left out"
    assert max(starts.values()) < 40, "and none is favoured"


def test_once_all_is_committed_nothing_is_left(layout: InputLayout) -> None:
    picker = picker_of(layout, range(6))
    picker.go_on(3, alone=False)
    assert list(picker.left(NONE)) == []
    assert picker.units_left == 0
