"""What `tsdg seeds list` shows."""

import json
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tsdg.seeds.mirror.refusals import note_refusals, read_refusals
from tsdg.views.family_list import listing
from tsdg.views.seeds import print_list

KEYS = {
    *("group", "family", "tasks", "units", "rows", "licence", "commercial_ok", "tier", "mirror"),
    "not_fetched",
}


def of(mirror: Path | None, family: str) -> dict[str, object]:
    return next(row for row in listing(mirror) if row["family"] == family)


def write(root: Path, unit: str, rows: int) -> None:
    path = root / f"{unit}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"question": ["q"] * rows}), path)


def test_every_family_is_listed() -> None:
    rows = listing(None)
    assert all(set(row) == KEYS for row in rows)
    groups = [row["group"] for row in rows if row["tier"] in ("A", "B")]
    assert (groups.count("knowledge"), groups.count("reasoning")) == (39, 34)
    json.dumps(rows)


def test_the_mirror_is_looked_at(tmp_path: Path) -> None:
    write(tmp_path, "allenai/ai2_arc/ARC-Easy/train", 2251)
    write(tmp_path, "allenai/ai2_arc/ARC-Challenge/train", 7)
    write(tmp_path, "openai/gsm8k/main/test", 1319)
    broken = tmp_path / "tau/commonsense_qa/default/train.parquet"
    broken.parent.mkdir(parents=True)
    broken.write_bytes(b"no parquet")
    assert of(tmp_path, "ai2_arc")["mirror"] == {"present": 1, "partial": 1, "absent": 0}
    assert of(tmp_path, "gsm8k")["mirror"] == {"present": 0, "partial": 0, "absent": 1}
    assert of(tmp_path, "commonsense_qa")["mirror"] == {"present": 0, "partial": 1, "absent": 0}
    assert of(tmp_path, "demo_science")["mirror"] == {"present": 1, "partial": 0, "absent": 0}
    assert of(None, "ai2_arc")["mirror"] == {"present": 0, "partial": 0, "absent": 2}


def test_it_says_why_a_split_could_not_be_fetched(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arc, gsm8k = "allenai/ai2_arc/ARC-Easy/train", "openai/gsm8k/main/train"
    note_refusals(tmp_path, [arc, gsm8k], {arc: "gated;\n accept its terms", gsm8k: "gone"})
    print_list(str(tmp_path), as_json=False)
    assert f"not fetched: {arc}: gated; accept its terms\n" in capsys.readouterr().out
    # What is there by now, and what was asked for again, is no longer said.
    write(tmp_path, gsm8k, 7473)
    assert of(tmp_path, "gsm8k")["not_fetched"] == {}
    note_refusals(tmp_path, [arc], {})
    assert of(tmp_path, "ai2_arc")["not_fetched"] == {}
    assert read_refusals(tmp_path) == {gsm8k: "gone"}
    (tmp_path / "not_fetched.csv").write_bytes(b"\xff\xfe")
    assert read_refusals(tmp_path) == {}


def test_rows_licence_and_commercial_use() -> None:
    assert of(None, "winogrande")["rows"] == 40_398  # the smaller size adds nothing
    assert of(None, "gsm8k")["commercial_ok"] is True
    assert of(None, "ai2_arc")["commercial_ok"] is True  # share-alike
    assert of(None, "openbookqa")["commercial_ok"] is False  # unclear
    assert of(None, "glue")["commercial_ok"] is False  # one config is enough
    assert "CC-BY-SA-4.0" in str(of(None, "glue")["licence"])


@pytest.mark.mirror
@pytest.mark.skipif("TSDG_MIRROR" not in os.environ, reason="TSDG_MIRROR names no mirror")
def test_the_real_mirror() -> None:
    mirror = Path(os.environ["TSDG_MIRROR"])
    assert of(mirror, "xstorycloze")["mirror"] == {"present": 11, "partial": 0, "absent": 0}
    assert of(mirror, "hellaswag")["mirror"] == {"present": 0, "partial": 1, "absent": 0}


@pytest.mark.parametrize(("columns", "wide"), [("80", False), ("130", True)])
def test_the_table_fits_its_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], columns: str, wide: bool
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    print_list("", as_json=False)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= int(columns)
    assert ("licence" in lines[0].split()) is wide
