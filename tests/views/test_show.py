"""``tsdg show``: what a person reads in the terminal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.package.make_run import NO_PHASE, make_run
from tsdg.cli import run_command


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("show") / "run"
    make_run(folder, seed=5, tasks=6, seeds_per_task=25).package()
    return folder


def test_records_are_shown_with_seed_votes_and_text(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tasks = json.loads((run / "manifest.json").read_text())["tasks"]
    task = next(name for name, entry in tasks.items() if entry["answers"]["accepted"] >= 3)
    assert run_command(["show", str(run), task, "-n", "3"]) == 0
    shown = capsys.readouterr().out
    assert shown.count(f"{task} · accepted") == 3
    for part in ("Seed", "Question", "Votes", "Record:"):
        assert shown.count(part) >= 3
    assert run_command(["show", str(run), task, "-n", "3"]) == 0
    assert capsys.readouterr().out == shown


def test_rejected_questions_say_where_and_why(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(["show", str(run), "--rejected"]) == 0
    shown = capsys.readouterr().out
    assert "rejected in questions:" in shown
    assert "rejected in answers:" in shown
    assert "· accepted" not in shown


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "takes a run"),
        (["{run}", "cooking"], "has no task 'cooking'; allowed:"),
        (["{run}", "-n", "none"], "-n: found 'none'"),
        (["{run}", "-n"], "-n: found ''"),
        (["{run}/nowhere"], "there is no directory"),
        (["{run}", "a", "b"], "takes a run"),
    ],
)
def test_what_cannot_be_shown_is_one_line(
    run: Path, words: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(["show", *(word.format(run=run) for word in words)]) == 2
    err = capsys.readouterr().err
    assert says in err
    assert len(err.strip().splitlines()) == 1


def test_a_run_without_questions_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_run(tmp_path / "run", phases=NO_PHASE).package()
    assert run_command(["show", str(tmp_path / "run")]) == 2
    assert "has no records" in capsys.readouterr().err
