"""Votes that nobody can win are refused before the first request."""

from __future__ import annotations

from pathlib import Path

import pytest

from tsdg.cli import run_command


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert run_command(list(words)) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    return err


@pytest.mark.parametrize("command", ["plan", "run"])
def test_a_vote_that_cannot_be_won_is_one_line(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = refused(
        capsys,
        command,
        "recipe=demo",
        f"output_root={tmp_path}",
        "seeds.tasks=[demo_science,demo_arithmetic]",
        "answers.samples=2",
        "answers.first_round=2",
    )
    assert "answers.samples=2: guessing among 4 options agrees in all 2 votes" in line
    assert "demo_science" in line
    assert "demo_arithmetic" not in line
    assert "answers.samples=3 would do" in line
    assert not list(tmp_path.iterdir())


def test_numbers_and_runs_that_answer_nothing_are_not_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    few = ("recipe=demo", f"output_root={tmp_path}", "answers.samples=1", "answers.first_round=1")
    assert run_command(["plan", *few, "seeds.tasks=[demo_arithmetic]"]) == 0
    assert run_command(["plan", *few, "phases=[[questions]]"]) == 0
    capsys.readouterr()
