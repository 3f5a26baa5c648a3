from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.engine.lab import write_input
from tsdg.engine.units import UnitReader, iter_rows, parse_name, read_layout, unit_name
from tsdg.errors import StorageError
from tsdg.records import REJECTION_SCHEMA, Rejection
from tsdg.tables import work_table


def rejection(row_id: str) -> Rejection:
    return Rejection(
        row_id=row_id,
        group="reasoning",
        family="f",
        task="t",
        stage="seeds",
        reason="duplicate",
        detail="",
    )


@given(index=st.integers(0, 10**8), generation=st.integers(0, 10**4))
def test_names_of_all_files_of_a_unit_are_read_back(index: int, generation: int) -> None:
    name = unit_name(index)
    for file_name in (
        f"{name}.g{generation}",
        f"{name}.g{generation}.log",
        f".{name}.g{generation}.ab12.tmp",
    ):
        file = parse_name(file_name)
        assert file is not None
        assert (file.index, file.generation) == (index, generation)
    part = parse_name(f"{name}.parquet")
    assert part is not None
    assert (part.index, part.generation) == (index, -1)


@pytest.mark.parametrize(
    "name", [".clock-12ab", "unit-1.g0", "unit-000001x", "notes.txt", "xunit-000001.g0", ""]
)
def test_other_names_are_not_ours(name: str) -> None:
    assert parse_name(name) is None


def test_units_are_the_row_groups(tmp_path: Path) -> None:
    layout = read_layout(write_input(tmp_path / "in.parquet", rows=250, unit_rows=100))
    assert layout.rows == (100, 100, 50)
    assert (layout.units, layout.rows_total) == (3, 250)
    rows = list(iter_rows(UnitReader(layout).read(1)))
    assert [row["input_id"] for row in rows] == [f"row-{i:05d}" for i in range(100, 200)]


@pytest.mark.parametrize(
    ("rows", "unit_rows"), [(20_000, 3000), (9000, 9000), (20_000, 9000), (100, 30), (0, 5)]
)
def test_a_row_group_may_hold_many_units(tmp_path: Path, rows: int, unit_rows: int) -> None:
    path = tmp_path / "in.parquet"
    with work_table(path, REJECTION_SCHEMA, unit_rows=unit_rows) as table:
        for number in range(rows):
            table.add(rejection(f"{number}"))
    layout = read_layout(path)
    assert layout.footer.num_row_groups <= 1 + rows // min(unit_rows, 8192)
    assert layout.rows == tuple(min(unit_rows, rows - start) for start in range(0, rows, unit_rows))
    reader = UnitReader(layout)
    for order in (range(layout.units), reversed(range(layout.units))):
        for index in order:
            got = [row["row_id"] for row in iter_rows(reader.read(index))]
            start = index * unit_rows
            assert got == [f"{number}" for number in range(start, start + layout.rows[index])]


def test_the_digest_tells_cuts_apart(tmp_path: Path) -> None:
    one = read_layout(write_input(tmp_path / "a.parquet", rows=250, unit_rows=100))
    same = read_layout(write_input(tmp_path / "b.parquet", rows=250, unit_rows=100))
    other = read_layout(write_input(tmp_path / "c.parquet", rows=250, unit_rows=50))
    assert one.digest == same.digest != other.digest


def test_an_input_without_rows_has_no_units(tmp_path: Path) -> None:
    path = tmp_path / "in.parquet"
    pq.ParquetWriter(path, pa.schema([("input_id", pa.string())])).close()
    assert read_layout(path).units == 0


def test_a_missing_or_torn_input_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"cannot read the phase's input .*nowhere\.parquet"):
        read_layout(tmp_path / "nowhere.parquet")
    path = write_input(tmp_path / "in.parquet", rows=10, unit_rows=5)
    path.write_bytes(path.read_bytes()[:-7])
    with pytest.raises(StorageError, match=r"in\.parquet") as caught:
        read_layout(path)
    assert "\n" not in str(caught.value)
