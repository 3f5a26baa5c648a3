from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tsdg.errors import StorageError, VerificationError
from tsdg.records import REJECTION_SCHEMA, Rejection
from tsdg.tables import Table, count_rows, read_rows


def rejection(number: int) -> Rejection:
    return Rejection(
        row_id=f"row-{number}",
        group="knowledge",
        family="f",
        task="t",
        stage="questions",
        reason="tie",
        detail="d",
    )


def write(path: Path, rows: int, group_rows: int = 4) -> None:
    with Table(path, REJECTION_SCHEMA, group_rows=group_rows) as table:
        for number in range(rows):
            table.add(rejection(number))


@pytest.mark.parametrize("rows", [0, 1, 4, 5, 9])
def test_what_was_added_comes_back_in_order(tmp_path: Path, rows: int) -> None:
    path = tmp_path / "deep" / "t.parquet"
    write(path, rows)
    assert list(read_rows(path, Rejection)) == [rejection(number) for number in range(rows)]
    assert count_rows(path) == rows
    assert [file.name for file in path.parent.iterdir()] == ["t.parquet"]


def test_a_table_that_is_given_up_leaves_nothing_and_keeps_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    write(path, 3)

    def give_up() -> None:
        with Table(path, REJECTION_SCHEMA, group_rows=1) as table:
            table.add(rejection(7))
            raise RuntimeError("given up")

    with pytest.raises(RuntimeError, match="given up"):
        give_up()
    assert count_rows(path) == 3
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("place", [0.1, 0.5, 0.9])
def test_a_flipped_byte_is_found_and_the_file_named(tmp_path: Path, place: float) -> None:
    path = tmp_path / "t.parquet"
    write(path, 200, group_rows=50)
    data = bytearray(path.read_bytes())
    pages = len(data) - int.from_bytes(data[-8:-4], "little") - 8
    data[int(pages * place)] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(VerificationError, match=str(path)):
        list(read_rows(path, Rejection))


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot write") as caught:
        write(tmp_path / "file" / "t.parquet", 1)
    assert "\n" not in str(caught.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inner:
    kept: str
    later: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    name: str
    inner: Inner
    later: str = "as before"


def test_columns_that_came_later_have_their_defaults_and_others_name_the_version(
    tmp_path: Path,
) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"name": ["a"], "inner": [{"kept": "k"}]}), path)
    assert list(read_rows(path, Row)) == [Row(name="a", inner=Inner(kept="k"))]
    pq.write_table(pa.table({"inner": [{"kept": "k"}]}), path)
    with pytest.raises(VerificationError) as error:
        list(read_rows(path, Row))
    said = str(error.value)
    assert "written by another version of tsdg: it has no column name; keep it" in said
    assert "snapshot/versions.json" in said
