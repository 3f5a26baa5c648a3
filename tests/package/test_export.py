"""A finished run in the forms of other tools, each read as its tool reads it."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.mixture.test_blends import Blend
from tests.package.make_run import make_run
from tsdg.cli import run_command
from tsdg.layout import SAMPLES
from tsdg.package.export.nemo_skills import generation
from tsdg.package.manifest import sealed
from tsdg.package.pairs import accepted_pairs
from tsdg.package.render import Wording
from tsdg.records import AnswerSample
from tsdg.tables import read_rows

PLAIN = Wording(style="labelled", knowledge="after", think=False)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("export") / "run"
    make_run(folder, seed=6, tasks=4, seeds_per_task=20).package()
    return folder


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def records_of(run: Path) -> dict[str, dict[str, Any]]:
    rows = [
        row
        for file in (run / "dataset").rglob("*.parquet")
        for row in pq.read_table(file).to_pylist()
    ]
    return {row["record_id"]: row for row in rows}


def exported(run: Path, out: Path, form: str, capsys: pytest.CaptureFixture[str]) -> int:
    assert run_command(["export", str(run), "--format", form, f"out={out}"]) == 0
    shown = capsys.readouterr().out
    assert str(out) in shown
    return int(shown.split()[0].replace(",", ""))


def test_jsonl_holds_every_record_as_it_is(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    count = exported(run, tmp_path / "out", "jsonl", capsys)
    rows = [row for file in (tmp_path / "out").rglob("*.jsonl") for row in lines(file)]
    assert len(rows) == count
    there = json.loads(json.dumps(records_of(run)))
    for record in there.values():
        for turn in record["messages"]:  # a key for thoughts only where there are some
            assert turn.pop("reasoning_content") is None
    assert {row["record_id"]: row for row in rows} == there


def test_parquet_and_hf_load_with_datasets(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from datasets import load_dataset

    expected = set(records_of(run))
    exported(run, tmp_path / "parquet", "parquet", capsys)
    exported(run, tmp_path / "hf", "hf", capsys)
    files = [str(file) for file in (tmp_path / "parquet").rglob("*.parquet")]
    cache = str(tmp_path / "cache")
    assert (
        set(load_dataset("parquet", data_files=files, split="train", cache_dir=cache)["record_id"])
        == expected
    )
    assert (
        set(load_dataset(str(tmp_path / "hf"), split="train", cache_dir=cache)["record_id"])
        == expected
    )


def test_nemo_skills_has_its_field_names_and_one_line_per_verified_question(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    count = exported(run, tmp_path / "out", "nemo-skills", capsys)
    solutions = {
        row["question_id"]: row
        for row in pq.read_table(run / "answers/solutions.parquet").to_pylist()
    }
    files = sorted((tmp_path / "out").rglob("output.jsonl"))
    rows = [row for file in files for row in lines(file)]
    packaged = {row["question_id"] for row in records_of(run).values()}
    assert len(packaged) < len(solutions), "some were rejected after their vote"
    assert count == len(rows)
    assert {row["id"] for row in rows} == packaged
    for row in rows:
        assert {
            "problem",
            "expected_answer",
            "predicted_answer",
            "generation",
            "num_generated_tokens",
        } <= set(row)
        solution = solutions[row["id"]]
        assert row["expected_answer"] == row["predicted_answer"] == solution["answer"]
        # What its preparation for fine-tuning drops lines by.
        assert row["symbolic_correct"] is True
        votes = solution["verification"]
        assert (row["majority_votes"], row["total_votes"]) == (votes["votes"], votes["samples"])
        assert row["question"].strip() in row["problem"]
        assert row["generation"].strip()
    assert all(file.with_name("output.jsonl.done").is_file() for file in files)


def test_nemo_skills_is_not_told_that_unverified_answers_are_right(run: Path) -> None:
    question, solution = next(accepted_pairs(run))
    won = next(
        row
        for row in read_rows(run / SAMPLES, AnswerSample)
        if row.question_id == question.question_id
    )
    for method, told in (("none", False), ("vote", True), ("vote, then judge", True)):
        verification = replace(solution.verification, method=method)
        row = generation(question, replace(solution, verification=verification), won, PLAIN)
        assert ("symbolic_correct" in row) is told
        assert row["verification"] == method


def test_data_designer_gets_flat_columns(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    count = exported(run, tmp_path / "out", "data-designer", capsys)
    rows = pq.read_table(tmp_path / "out" / "seeds.parquet").to_pylist()
    solutions = {
        row["question_id"]: row
        for row in pq.read_table(run / "answers/solutions.parquet").to_pylist()
    }
    assert count == len(rows)
    assert {row["question_id"] for row in rows} == {
        row["question_id"] for row in records_of(run).values()
    }
    assert all(
        row["answer"] == solutions[row["question_id"]]["answer"] and row["question"] for row in rows
    )


def test_blends_lie_beside_the_lines_they_name(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    exported(run, tmp_path / "n", "nemotron-blend", capsys)
    blend = Blend.model_validate(json.loads((tmp_path / "n" / "blend.json").read_text()))
    assert blend.datasets
    assert all(entry.text_field in lines(Path(entry.path))[0] for entry in blend.datasets)
    exported(run, tmp_path / "m", "megatron", capsys)
    listed = json.loads((tmp_path / "m" / "megatron.json").read_text())
    assert sum(Decimal(weight) for weight in listed[::2]) == 1
    assert len(listed) == 2 * len(blend.datasets)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("null", "damaged; remove it"),
        ("[]", "damaged; remove it"),
        ('{"tasks": {}}', "damaged; remove it"),
        ('{"tasks": {"a": 5}, "phases": 5, "files": []}', "damaged; remove it"),
        (
            json.dumps(sealed({"schema_version": 1})),
            "of another version of tsdg (schema_version 1, this one reads 2)",
        ),
    ],
)
@pytest.mark.parametrize("words", [["show"], ["report"], ["export", "--format=jsonl"]])
def test_a_manifest_of_another_form_is_one_line(
    text: str, says: str, words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a=b").mkdir()
    (tmp_path / "a=b" / "manifest.json").write_text(text)
    command, *others = words
    assert run_command([command, str(tmp_path / "a=b"), *others]) == 1
    assert capsys.readouterr().err.startswith(f"tsdg: {tmp_path}/a=b/manifest.json is {says}")


def test_what_cannot_be_exported_is_one_line(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "begun" / "snapshot").mkdir(parents=True)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    for words, code, says in (
        ([], 2, "takes a run and a format"),
        (
            [str(run), "--format", "csv"],
            2,
            "found 'csv'; allowed: jsonl, parquet, hf, trl, megatron-bin, nemo-skills",
        ),
        ([str(tmp_path / "nowhere"), "--format", "jsonl"], 2, "there is no directory"),
        ([str(tmp_path), "--format", "jsonl"], 2, "is not a run directory: it has no snapshot"),
        (
            [str(tmp_path / "begun"), "--format=jsonl"],
            1,
            "is not finished: it has no manifest.json",
        ),
        (
            [str(run), "--format=jsonl", f"out={run}"],
            2,
            f"out={run} would write into {run}, which is a run",
        ),
        (
            [str(run), "--format=jsonl", f"out={run / 'dataset' / 'x'}"],
            2,
            f"would write into {run}, which is a run",
        ),
        ([str(run), "--format", "jsonl", f"out={tmp_path / 'full'}"], 2, "is there already"),
    ):
        assert run_command(["export", *words]) == code, says
        err = capsys.readouterr().err
        assert says in err
        assert len(err.strip().splitlines()) == 1
