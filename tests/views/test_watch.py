"""The live view of a run: what it counts, and how it is drawn."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.run.test_status import half, slurm_worker, worker
from tsdg.accounting import write_worker
from tsdg.cli import run_command
from tsdg.run.watched import Watcher
from tsdg.views.watch_text import Screen, frame

__all__ = ["half"]


def test_a_run_at_work_is_shown_by_phase_and_process(half: Path) -> None:
    points = ((0.0, 0, 1, 0), (100.0, 5000, 5, 12))
    write_worker(
        half / "questions", "a", slurm_worker("7", "3", history=points, failures={"timeout": 4})
    )
    write_worker(half / "questions", "b", worker(state="complete", rows_done=12))
    seen = Watcher(half).look()
    questions, answers = seen.phases
    # Five rows of a keep two questions each, seven of b one of two.
    assert (questions.accepted, questions.asked, questions.whole) == (17, 24, True)
    assert questions.refused == {"copy": 7}
    assert questions.idle == pytest.approx(0.1)
    assert [one.name for one in questions.elements] == ["7_3", "elsewhere:1"]
    assert (answers.asked, answers.elements) == (0, [])
    assert seen.newest is not None
    lines = frame(seen, width=80)
    text = "\n".join(lines)
    assert re.search(r"^questions +12/30 +40 % .* 71% ", text, re.MULTILINE)
    assert re.search(r"^7_3 +running +5\d +5/9 +10% ", text, re.MULTILINE)
    assert "questions: rejected copy 7; requests that failed: timeout 4; sent again:" in text
    assert f"newest accepted: {seen.newest.task}" in lines
    assert max(map(len, lines)) <= max(80, len(lines[0]))  # a path stays whole


def test_committed_parts_are_read_once(half: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def damaged(part: Path, steps: object) -> None:
        raise OSError(part)

    watcher = Watcher(half)
    first = watcher.look().phases[0]
    monkeypatch.setattr("tsdg.run.watched._count", damaged)
    assert watcher.look().phases[0] == first
    assert Watcher(half).look().phases[0].asked == 0


def test_a_pipe_gets_it_once(half: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["watch", str(half)], ["watch", str(half), "--once"]):
        assert run_command(words) == 0
        said = capsys.readouterr().out
        assert said.startswith(f"{half}: stopped\n")
        assert "\x1b" not in said


def test_it_is_drawn_in_place_and_never_beyond_the_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    screen = Screen()
    screen.draw(["one", "x" * 30, "\x1b[1mbold\x1b[0m"], width=10, height=24)
    first = capsys.readouterr().out
    assert first == "one\x1b[K\nxxxxxxxxx…\x1b[K\n\x1b[1mbold\x1b[0m\x1b[K\n\x1b[J"
    screen.draw([str(number) for number in range(50)], width=60, height=6)
    second = capsys.readouterr().out
    assert second.startswith("\x1b[3F0\x1b[K\n")
    assert second.count("\n") == 5
    assert "(46 lines more: a taller terminal, or --once)" in second
