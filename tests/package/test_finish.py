"""What a rerun sees of a finished run: that a file is missing or was cut, by sizes alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.package.make_run import make_run
from tsdg.errors import VerificationError
from tsdg.package.finish import check_undamaged, finished_manifest

STEPS = ("questions", "answers")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    made = make_run(tmp_path / "run", seed=3, tasks=4, seeds_per_task=8)
    account = {"held_out": {"splits": [], "rows": 0}, "tasks": {}}
    path = tmp_path / "run" / "questions" / "contamination.json"
    path.write_text(json.dumps(account))
    made.package()
    return tmp_path / "run"


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def test_a_run_with_all_its_files_is_finished(run: Path) -> None:
    assert finished_manifest(run, STEPS) is not None
    check_undamaged(run)


def test_what_packaging_makes_is_made_again_where_it_was_cut(run: Path) -> None:
    for path in (
        next((run / "dataset").rglob("*.parquet")),
        run / "README.md",
        run / "filter" / "rejected.parquet",
    ):
        whole = path.read_bytes()
        cut(path)
        assert finished_manifest(run, STEPS) is None
        check_undamaged(run)
        path.write_bytes(whole)
    assert finished_manifest(run, STEPS) is not None


@pytest.mark.parametrize(
    ("name", "step"),
    [
        (
            "answers/samples.parquet",
            "restore it, or delete it and start the run again, which makes it again",
        ),
        (
            "seeds/counts.json",
            "restore it, or delete it and start the run again, which makes it again",
        ),
        (
            "questions/contamination.json",
            "or delete it and questions/questions.parquet and start the run again",
        ),
        (
            "questions/parts/*.parquet",
            "or delete it and the tables of questions/ and start the run again",
        ),
        ("snapshot/catalogue.json", "restore it"),
    ],
)
def test_what_it_does_not_make_is_named_with_the_next_step(run: Path, name: str, step: str) -> None:
    path = next(run.glob(name))
    size = path.stat().st_size
    cut(path)
    assert finished_manifest(run, STEPS) is None
    with pytest.raises(VerificationError) as caught:
        check_undamaged(run)
    line = str(caught.value)
    assert line.startswith(f"{path} is damaged: found {size - 1} bytes, its manifest says {size}; ")
    assert step in line
    assert ("delete" in line) == ("delete" in step)
    path.unlink()
    check_undamaged(run)


@pytest.mark.parametrize("text", ["", "null", "{}", "[]", '{"files": [1]}'])
def test_a_damaged_manifest_vouches_for_nothing(run: Path, text: str) -> None:
    (run / "manifest.json").write_text(text)
    cut(run / "answers" / "samples.parquet")
    assert finished_manifest(run, STEPS) is None
    check_undamaged(run)
