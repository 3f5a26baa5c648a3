"""Merged runs have each question once, counts that add up, and a check that sees damage."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.package.make_run import NO_PHASE, make_run
from tsdg.cli import run_command
from tsdg.package.manifest import describe, sealed
from tsdg.package.manifest_form import canonical


def rows(folder: Path) -> list[dict[str, Any]]:
    return [
        row
        for file in sorted((folder / "dataset").rglob("*.parquet"))
        for row in pq.read_table(file).to_pylist()
    ]


def manifest_of(folder: Path) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text())
    return manifest


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two runs of other seeds, and the first again: all of its questions stand in two runs."""
    root = tmp_path_factory.mktemp("runs")
    for name, seed in (("a", 3), ("b", 4)):
        make_run(root / name, seed=seed, tasks=4, seeds_per_task=15).package()
    shutil.copytree(root / "a", root / "again")
    return [root / "a", root / "b", root / "again"]


@pytest.fixture(scope="module")
def merged(runs: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("merged") / "out"
    assert run_command(["merge", *map(str, runs), f"out={out}"]) == 0
    return out


def test_each_question_stands_once_and_nothing_else_is_lost(runs: list[Path], merged: Path) -> None:
    kept, first, second = rows(merged), rows(runs[0]), rows(runs[1])
    assert len({row["record_id"] for row in kept}) == len(kept)
    by_id = {row["record_id"]: row for row in first + second}
    assert {row["record_id"]: row for row in kept} == by_id
    assert not list(merged.glob(".*"))


def test_counts_are_the_sums_of_the_runs(runs: list[Path], merged: Path) -> None:
    whole, parts = manifest_of(merged), [manifest_of(run) for run in runs]
    totals = whole["totals"]
    for stage, names in (
        ("seeds", ("available", "sampled")),
        ("questions", ("generated",)),
        ("answers", ("accepted",)),
    ):
        for name in names:
            assert totals[stage][name] == sum(part["totals"][stage][name] for part in parts)
    dropped = totals["filter"]["rejected"]["duplicate"]
    assert dropped == parts[2]["totals"]["filter"]["packaged"]
    assert (
        totals["filter"]["packaged"] + sum(totals["filter"]["rejected"].values())
        == totals["filter"]["questions"]
    )
    assert totals["records"] == len(rows(merged))
    assert [one["run"] for one in whole["merged"]] == [part["run"] for part in parts]
    assert (
        sum(whole["rejected"].values())
        == sum(sum(part["rejected"].values()) for part in parts) + dropped
    )


def test_it_verifies_and_loads(
    merged: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from datasets import load_dataset

    assert run_command(["verify", str(merged)]) == 0, capsys.readouterr().out
    loaded = load_dataset(str(merged), split="train", cache_dir=str(tmp_path / "cache"))
    assert len(loaded) == manifest_of(merged)["totals"]["records"]
    assert (
        run_command(["mix", str(merged), "budget=100", "max_epochs=100", f"out={tmp_path / 'mix'}"])
        == 0
    )


@pytest.mark.parametrize("damage", ["record", "manifest", "copy", "file"])
def test_damage_is_found(
    merged: Path, tmp_path: Path, damage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(merged, folder)
    file = next(path for path in sorted((folder / "dataset").rglob("*.parquet")))
    if damage == "record":
        table = pq.read_table(file)
        pq.write_table(pa.concat_tables([table, table.slice(0, 1)]), file)
    elif damage == "file":
        file.unlink()
    elif damage == "copy":
        copy = folder / "snapshot/merged/1.json"
        copy.write_text(copy.read_text().replace('"records": ', '"records": 1'))
    else:
        manifest = folder / "manifest.json"
        manifest.write_text(manifest.read_text().replace('"accepted": ', '"accepted": 1', 1))
    assert run_command(["verify", str(folder)]) == 1
    assert capsys.readouterr().out.strip()


def test_what_cannot_be_merged_is_one_line(
    runs: list[Path], merged: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_run(tmp_path / "seeds-only", phases=NO_PHASE).package()
    (tmp_path / "unfinished" / "snapshot").mkdir(parents=True)
    a, b = str(runs[0]), str(runs[1])
    out = f"out={tmp_path / 'new'}"
    for words, code, says in (
        ([a, out], 2, "takes two runs or more"),
        ([a, b], 2, "takes two runs or more"),
        ([a, b, out, "colour=red"], 2, "takes two runs or more"),
        ([a, a, out], 2, "a run is named twice"),
        ([a, f"{a}/nowhere", out], 2, "there is no directory"),
        ([a, b, f"out={merged}"], 2, f"would write into {merged}, which is a run or a dataset"),
        ([a, b, f"out={a}/dataset/x"], 2, f"would write into {a}, which is a run or a dataset"),
        ([a, b, f"out={__file__}"], 2, "is there already"),
        ([a, str(tmp_path), out], 2, "is not a run directory"),
        ([a, str(merged), out], 2, "was merged itself"),
        ([a, str(tmp_path / "seeds-only"), out], 2, "has no records"),
        ([a, str(tmp_path / "unfinished"), out], 1, "is not finished: it has no manifest.json"),
    ):
        assert run_command(["merge", *words]) == code, says
        err = capsys.readouterr().err
        assert says in err
        assert len(err.strip().splitlines()) == 1


def rewrite(run: Path, made: Any, text: Any) -> None:
    """Give every question of a synthetic run another text, and package it again."""
    file = run / "questions/questions.parquet"
    table = pq.read_table(file)
    questions = pa.array([text(row) for row in table.to_pylist()], pa.string())
    place = table.schema.get_field_index("question")
    pq.write_table(table.set_column(place, table.schema.field(place), questions), file)
    made.package()


@pytest.mark.parametrize("column", ["task", "group"])
@pytest.mark.parametrize("agreed", [False, True], ids=["rows", "manifest-too"])
def test_a_run_of_others_cannot_write_beside_the_folder(
    runs: list[Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    column: str,
    agreed: bool,
) -> None:
    """Neither by what its records say, nor where its manifest says the same."""
    evil = tmp_path / "deep" / "evil"
    shutil.copytree(runs[1], evil)
    manifest = manifest_of(evil)
    outside = "../../../escaped"
    task = sorted(manifest["tasks"])[0]
    for file in manifest["tasks"][task]["files"]:
        table = pq.read_table(evil / file["path"])
        place = table.column_names.index(column)
        table = table.set_column(place, column, pa.array([outside] * table.num_rows))
        pq.write_table(table, evil / file["path"])
        file |= describe(evil, file["path"])
    if agreed and column == "task":
        manifest["tasks"][outside] = manifest["tasks"].pop(task)
    elif agreed:
        manifest["tasks"][task]["group"] = outside
    (evil / "manifest.json").write_bytes(canonical(sealed(manifest | {"digest": ""})))
    out = tmp_path / "deep" / "merged"
    assert run_command(["merge", str(runs[0]), str(evil), f"out={out}"]) == 1
    said = capsys.readouterr().err
    assert (said.startswith("tsdg: "), said.count("\n")) == (True, 1)
    assert not out.exists()
    assert {path.name for path in tmp_path.rglob("*escaped*")} == set()
    assert [path.name for path in tmp_path.iterdir()] == ["deep"]


def test_one_request_asked_again_counts_once_whatever_its_text(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_run(tmp_path / "a", seed=3, tasks=3, seeds_per_task=12).package()
    again = make_run(tmp_path / "b", seed=3, tasks=3, seeds_per_task=12)
    rewrite(tmp_path / "b", again, lambda row: f"{row['question']} Asked again.")
    words = ["merge", str(tmp_path / "a"), str(tmp_path / "b"), f"out={tmp_path / 'out'}"]
    assert run_command(words) == 0
    kept, first = rows(tmp_path / "out"), rows(tmp_path / "a")
    assert {row["record_id"]: row["question"] for row in kept} == {
        row["record_id"]: row["question"] for row in first
    }
    packaged = manifest_of(tmp_path / "a")["totals"]["filter"]["packaged"]
    assert f"{packaged:,} questions by their id" in capsys.readouterr().out
    totals = manifest_of(tmp_path / "out")["totals"]
    assert totals["filter"]["rejected"]["duplicate"] == packaged
    assert (
        totals["filter"]["packaged"] + sum(totals["filter"]["rejected"].values())
        == totals["answers"]["accepted"]
    )
    assert run_command(["verify", str(tmp_path / "out")]) == 0


def test_a_question_without_records_holds_back_none(tmp_path: Path) -> None:
    """The first run rejected it at the end, so the second run's equal question stays."""
    one = make_run(tmp_path / "a", seed=3, tasks=2, seeds_per_task=12)
    other = make_run(tmp_path / "b", seed=4, tasks=2, seeds_per_task=12)
    one.package()
    other.package()
    lost = sorted(
        {row["row_id"] for row in pq.read_table(tmp_path / "a/filter/rejected.parquet").to_pylist()}
    )
    kept = sorted({row["question_id"] for row in rows(tmp_path / "b")})
    texts = {
        row["question_id"]: row
        for row in pq.read_table(tmp_path / "b/questions/questions.parquet").to_pylist()
    }
    assert lost
    file = tmp_path / "a/questions/questions.parquet"
    table = [
        {**row, **{name: texts[kept[0]][name] for name in ("question", "context", "options")}}
        if row["question_id"] == lost[0]
        else row
        for row in pq.read_table(file).to_pylist()
    ]
    pq.write_table(pa.Table.from_pylist(table, pq.read_schema(file)), file)
    one.package()
    if lost[0] in {row["question_id"] for row in rows(tmp_path / "a")}:
        pytest.fail("the lost question has records: the case is not made")
    out = tmp_path / "out"
    assert run_command(["merge", str(tmp_path / "a"), str(tmp_path / "b"), f"out={out}"]) == 0
    assert kept[0] in {row["question_id"] for row in rows(out)}


def test_a_record_leads_to_its_source_row(merged: Path) -> None:
    seeds = {
        row["seed_id"]: row for row in pq.read_table(merged / "seeds/seeds.parquet").to_pylist()
    }
    for row in rows(merged):
        for seed_id in row["seed_ids"]:
            assert seeds[seed_id]["source"]["dataset_path"] == f"made/{row['task']}"


def test_what_was_written_is_verified(
    runs: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    from tsdg.pipeline import merge

    monkeypatch.setattr(
        merge,
        "_write_seeds",
        lambda runs, out, wanted: shutil.copy(
            runs[1] / "seeds/seeds.parquet", out / "seeds/seeds.parquet"
        ),
    )
    out = tmp_path / "out"
    assert run_command(["merge", *map(str, runs[:2]), f"out={out}"]) == 1
    assert "lacks seeds of the records" in capsys.readouterr().err
    assert not (out / "manifest.json").exists()
