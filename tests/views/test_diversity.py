"""The tables of `tsdg diversity`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.run.test_diversity import collapsed, make, wide
from tsdg.cli import run_command
from tsdg.layout import DIVERSITY
from tsdg.run.measure_diversity import measure
from tsdg.views.diversity import print_diversity

__all__ = ["make"]
TASKS = ("demo_science", "demo_python")


def test_tables_fit_eighty_columns(
    make: object, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    run = make("run", collapsed(120), tasks=TASKS)  # type: ignore[operator]
    print_diversity(measure(run, at=500_000), as_json=False)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    (first,) = [line for line in lines if line.startswith("all ") and "500,000" in line]
    assert first.split()[1:3] == ["120", "91.7%"]
    assert [line.split()[0] for line in lines if line.split()[1:2] == ["60"]] == list(TASKS)
    assert "all is narrower than its seeds:" in lines
    assert any(line.startswith("  near-duplicates: 91.7%, against 0.0%") for line in lines)


def test_as_json(make: object, capsys: pytest.CaptureFixture[str]) -> None:
    run = make("run", wide(60))  # type: ignore[operator]
    assert run_command(["diversity", str(run), "at=1000", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["against"] == "seeds"
    assert found["whole"]["growth"][-1]["questions"] == 1000
    assert found["whole"]["growth"][-1]["near"]["low"] == 0


def test_figures_without_a_value_are_kept_for_the_report(make: object) -> None:
    run = make("run", wide(60))  # type: ignore[operator]
    assert run_command(["diversity", str(run), "at=1000"]) == 0
    assert not (run / DIVERSITY).exists()
    assert run_command(["diversity", str(run)]) == 0
    kept = json.loads((run / DIVERSITY).read_text())
    assert kept["whole"]["written"] == 60


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "takes a run"),
        (["{run}", "{run}"], "takes a run"),
        (["{run}", "at=many"], "at: found 'many'; allowed: a number above 0"),
        (["{run}", "sample=0"], "sample: found '0'"),
        (["{run}", "into=x"], "found into="),
        (["{run}", "against=nowhere"], "there is no directory 'nowhere'"),
        (["{run}", "--fast"], "takes a run"),
    ],
)
def test_what_cannot_be_meant_is_one_line(
    make: object, capsys: pytest.CaptureFixture[str], words: list[str], says: str
) -> None:
    run: Path = make("run", wide(3))  # type: ignore[operator]
    assert run_command(["diversity", *(word.format(run=run) for word in words)]) == 2
    said = capsys.readouterr().err
    assert says in said
    assert len(said.strip().splitlines()) == 1


def test_a_plan_says_what_would_repeat(make: object, capsys: pytest.CaptureFixture[str]) -> None:
    run: Path = make("run", collapsed(60))  # type: ignore[operator]
    words = ["plan", "recipe=demo", f"from={run}"]
    assert run_command(words) == 0
    said = capsys.readouterr().out
    assert "like the questions of that run: at 72 questions 86 %" in said
    assert "note: questions.max_duplicates allows 30 % near-duplicates: a launch" in said
    assert run_command([*words, "questions.max_duplicates=0.9"]) == 0
    assert "questions.max_duplicates" not in capsys.readouterr().out
    assert run_command([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["duplicates"]["questions"] == 72
    assert run_command(["plan", "recipe=demo", "from=nowhere"]) == 2
