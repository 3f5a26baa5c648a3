"""Parquet of somebody else: values that are none, footers that contradict the file, bombs."""

import io
import resource
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.seeds.rows import WriteSplit, arc_rows, collected, config
from tsdg.errors import MirrorError
from tsdg.seeds.mirror.join_parquet import join
from tsdg.seeds.mirror.parquet_files import plain_rows
from tsdg.seeds.mirror.split_files import split_file

ARC = ("allenai/ai2_arc", "ARC-Easy")
BAD_TEXT = pa.Array.from_buffers(
    pa.string(),
    3,
    [None, pa.py_buffer(b"\0\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0"), pa.py_buffer(b"ab\xffc")],
)
BAD_TIME = pa.array([1, 2**62, None], pa.int64()).cast(pa.timestamp("s"))
BAD_DATE = pa.array([0, 2_932_897, 1], pa.int32()).cast(pa.date32())
BAD_ZONE = pa.array([1, 2, 3], pa.int64()).cast(pa.timestamp("s", "Nowhere/Never"))


@pytest.mark.parametrize("column", [BAD_TEXT, BAD_TIME, BAD_DATE, BAD_ZONE])
def test_a_value_that_is_none_costs_its_row_alone(column: pa.Array) -> None:
    nested = pa.StructArray.from_arrays([column], ["in"])
    lists = pa.ListArray.from_arrays([0, 1, 2, 3], column)
    for made in (column, nested, lists):
        table, rows, faults = plain_rows(pa.table({"n": [1, 2, 3], "x": made}))
        assert [row["n"] for row in rows] == [1, 2, 3]
        assert 1 in faults
        assert faults[1][0] == "x"
        assert rows[1]["x"] is None
        assert table.num_rows == 3
        if column is not BAD_ZONE:
            assert set(faults) == {1}
            assert rows[0]["x"] is not None


@pytest.mark.parametrize("needed", [False, True])
def test_only_a_row_that_needs_the_value_is_rejected(
    tmp_path: Path, write_split: WriteSplit, needed: bool
) -> None:
    path = write_split(*ARC, "train", arc_rows(3))
    table = pq.read_table(path)
    table = (
        table.set_column(table.column_names.index("question"), "question", BAD_TEXT)
        if needed
        else table.append_column("extra", BAD_TEXT)
    )
    pq.write_table(table, path)
    seeds, rejections, _ = collected(config(tmp_path / "mirror", "arc_easy"))
    assert len(seeds) + len(rejections) == 3
    if needed:
        assert ["question: UnicodeDecodeError" in one.detail for one in rejections].count(True) == 1
    else:
        assert len(seeds) == 3


def changed(rows: int, said: int, where: str) -> bytes:
    """A file of so many rows whose footer says another number: on top, of rows, everywhere."""

    def varint(value: int) -> bytes:
        out, value = bytearray(), value << 1
        while value > 127:
            out.append(value & 127 | 128)
            value >>= 7
        return bytes([*out, value])

    buffer = io.BytesIO()
    pq.write_table(pa.table({"n": range(rows)}), buffer, use_dictionary=False)
    data = buffer.getvalue()
    size = int.from_bytes(data[-8:-4], "little")
    head, foot = data[: -8 - size], data[-8 - size : -8]
    old, new = b"\x16" + varint(rows), b"\x16" + varint(said)
    # The number stands in each column first, then in the row group, and then of the whole file.
    top = foot.index(old + b"\x19")
    if where == "everywhere":
        foot = foot.replace(old, new)
    else:
        if where == "rows":
            last = foot.rindex(old)
            foot = foot[:last] + new + foot[last + len(old) :]
        foot = foot[:top] + new + foot[top + len(old) :]
    return head + foot + len(foot).to_bytes(4, "little") + b"PAR1"


@pytest.mark.parametrize(
    ("said", "where"),
    [
        *((said, where) for said in (400, 200, 1, 10**12) for where in ("top", "rows")),
        (400, "everywhere"),
        (10**12, "everywhere"),
    ],
)
def test_a_footer_that_is_wrong_is_not_believed(tmp_path: Path, said: int, where: str) -> None:
    path = tmp_path / "a" / "b" / "default" / "train.parquet"
    path.parent.mkdir(parents=True)
    path.write_bytes(changed(300, said, where))
    split = split_file(tmp_path, "a/b", "", "train")

    def read() -> None:
        split.check(())
        for span in split.spans(100):
            list(split.batches(span=span))

    with pytest.raises(MirrorError, match="not a readable Parquet file") as error:
        read()
    assert "\n" not in str(error.value)


def test_prefetch_refuses_such_a_file(tmp_path: Path) -> None:
    part = tmp_path / "part"
    part.write_bytes(changed(300, 400, "top"))
    with pytest.raises(MirrorError, match="its footer says 400 rows, its row groups have 300"):
        join([part], tmp_path / "whole", "a/b/default/train")
    twice = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["x", "x"])
    pq.write_table(twice, part)
    with pytest.raises(MirrorError, match="column 'x' stands twice"):
        join([part], tmp_path / "whole", "a/b/default/train")


def test_a_small_file_of_much_text_takes_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "default" / "train.parquet"
    path.parent.mkdir(parents=True)
    text = pa.DictionaryArray.from_arrays(pa.array([0] * 3000, pa.int32()), ["x" * (1 << 20)])
    pq.write_table(pa.table({"text": text}), path, compression="zstd", store_schema=False)
    assert path.stat().st_size < 10_000
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    rows = sum(len(batch.rows) for batch in split_file(tmp_path, "a/b", "", "train").batches())
    assert rows == 3000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 1_500_000


def test_a_column_that_unpacks_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tsdg.seeds.mirror import parquet_files

    monkeypatch.setattr(parquet_files, "_COLUMN", 1 << 20)
    path = tmp_path / "a" / "b" / "default" / "train.parquet"
    path.parent.mkdir(parents=True)
    table: Any = pa.table({"text": ["x" * 2000] * 3000})
    pq.write_table(table, path, compression="zstd", use_dictionary=False)
    with pytest.raises(MirrorError, match=r"column 'text' is [\d,]+ bytes that unpack to"):
        list(split_file(tmp_path, "a/b", "", "train").batches())
