import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.seeds.rows import WriteSplit, arc_rows
from tsdg.errors import MirrorError
from tsdg.seeds.mirror.parquet_files import BATCH_ROWS
from tsdg.seeds.mirror.split_files import all_splits, split_file


def test_rows_stream_in_order_with_their_numbers(tmp_path: Path, write_split: WriteSplit) -> None:
    rows = arc_rows(2 * BATCH_ROWS + 5)
    write_split("allenai/ai2_arc", "ARC-Easy", "train", rows)
    split = split_file(tmp_path / "mirror", "allenai/ai2_arc", "ARC-Easy", "train")
    batches = list(split.batches())
    assert max(len(batch.rows) for batch in batches) <= BATCH_ROWS
    assert [row for batch in batches for row in batch.rows] == rows
    assert [number for batch in batches for number in batch.numbers] == list(range(len(rows)))
    assert split.check(("question",)) == len(rows)
    assert split.name == "allenai/ai2_arc/ARC-Easy/train"


@pytest.mark.parametrize("wanted", [[0], [3, 1023, 1024, 1500], [2047, 2052], []])
def test_wanted_rows_only(tmp_path: Path, write_split: WriteSplit, wanted: list[int]) -> None:
    rows = arc_rows(2 * BATCH_ROWS + 5)
    write_split("a/b", "", "train", rows)
    batches = list(split_file(tmp_path / "mirror", "a/b", "", "train").batches(wanted=wanted))
    assert [number for batch in batches for number in batch.numbers] == wanted
    assert [row for batch in batches for row in batch.rows] == [rows[number] for number in wanted]


def test_default_config_and_listing(tmp_path: Path, write_split: WriteSplit) -> None:
    write_split("a/b", "", "test", arc_rows(1))
    write_split("c", "x", "train", arc_rows(1))
    (tmp_path / "mirror" / "MIRROR.csv").write_text("not a split")
    found = all_splits(tmp_path / "mirror")
    assert [(s.dataset_path, s.config, s.split) for s in found] == [
        ("a/b", "", "test"),
        ("c", "x", "train"),
    ]
    assert found[0].name == "a/b/default/test"


def refusal(path: Path, columns: tuple[str, ...] = ()) -> str:
    split = split_file(path.parents[2], path.parents[1].name, path.parent.name, path.stem)
    with pytest.raises(MirrorError) as caught:
        [split.check(columns), *split.batches()]
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    assert "tsdg seeds prefetch" in message
    return message


def test_missing_file(tmp_path: Path) -> None:
    assert "no such file" in refusal(tmp_path / "mirror" / "b" / "c" / "train.parquet")


@pytest.mark.parametrize("content", [b"", b"PAR1", b"rubbish" * 100])
def test_rubbish_file(tmp_path: Path, write_split: WriteSplit, content: bytes) -> None:
    path = write_split("b", "c", "train", arc_rows(5))
    path.write_bytes(content)
    assert "not a readable Parquet file" in refusal(path)


def test_torn_file(write_split: WriteSplit) -> None:
    path = write_split("b", "c", "train", arc_rows(500))
    path.write_bytes(path.read_bytes()[:-100])
    assert "not a readable Parquet file" in refusal(path)


def test_damaged_data_pages(write_split: WriteSplit) -> None:
    path = write_split("b", "c", "train", arc_rows(5000))
    data = bytearray(path.read_bytes())
    data[100:3000] = os.urandom(2900)
    path.write_bytes(data)
    assert "not a readable Parquet file" in refusal(path)


def test_missing_column_is_named(write_split: WriteSplit) -> None:
    message = refusal(write_split("b", "c", "train", arc_rows(2)), ("question", "answer"))
    assert "'answer'" in message
    assert "answerKey" in message


def test_revision_follows_the_content(tmp_path: Path, write_split: WriteSplit) -> None:
    def revision(rows: list[dict[str, Any]]) -> str:
        write_split("a/b", "", "train", rows)
        return split_file(tmp_path / "mirror", "a/b", "", "train").fingerprint()

    first = revision(arc_rows(3))
    assert first == revision(arc_rows(3))
    assert first != revision(arc_rows(4))
    assert first == revision(arc_rows(3))
    assert first.startswith("sha256:")


def test_revision_survives_a_broken_memo(
    tmp_path: Path, write_split: WriteSplit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TSDG_CACHE", str(tmp_path / "cache"))
    write_split("a/b", "", "train", arc_rows(3))
    split = split_file(tmp_path / "mirror", "a/b", "", "train")
    first = split.fingerprint()
    for memo in (tmp_path / "cache" / "fingerprints").iterdir():
        memo.write_bytes(b'{"torn')
    assert split.fingerprint() == first


@settings(
    max_examples=settings.default.max_examples // 2,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(rows=st.integers(0, 300), group=st.integers(1, 90), size=st.integers(1, 60), data=st.data())
def test_spans_are_read_apart(
    tmp_path: Path, rows: int, group: int, size: int, data: st.DataObject
) -> None:
    path = tmp_path / "a" / "b" / "default" / "train.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"n": pa.array(range(rows), pa.int64())}), path, row_group_size=group)
    split = split_file(tmp_path, "a/b", "", "train")
    spans = split.spans(size)
    assert [row for span in spans for row in span] == list(range(rows))
    assert all(len(span) <= 4 * size + max(group, size) for span in spans)
    for span in spans:
        batches = list(split.batches(span=span))
        assert [number for batch in batches for number in batch.numbers] == list(span)
        assert [row["n"] for batch in batches for row in batch.rows] == list(span)
    wanted = (
        sorted(data.draw(st.sets(st.integers(0, max(rows - 1, 0)), max_size=9))) if rows else []
    )
    assert [row["n"] for batch in split.batches(wanted=wanted) for row in batch.rows] == wanted


def test_the_mean_size_of_a_row(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "default" / "train.parquet"
    path.parent.mkdir(parents=True)
    split = split_file(tmp_path, "a/b", "", "train")
    pq.write_table(pa.table({"text": [f"{n:0200}" for n in range(500)]}), path)
    assert 200 <= split.row_bytes() <= 220
    pq.write_table(pa.table({"text": pa.array([], pa.string())}), path)
    assert split.row_bytes() == 0
