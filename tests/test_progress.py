"""What a person sees while rows go by."""

from __future__ import annotations

import io
import sys
import threading

import pytest
from rich.console import Console
from rich.live import Live

from tsdg.progress import (
    LiveReporter,
    PlainReporter,
    StageView,
    counted,
    live_lines,
    said_if_slow,
)


class _Seen(PlainReporter):
    def __init__(self) -> None:
        super().__init__()
        self.updates: list[tuple[int, int, str]] = []

    def update(self, *, done: int, total: int, detail: str) -> None:
        self.updates.append((done, total, detail))


def test_rows_are_counted_as_they_go_by() -> None:
    seen, found = _Seen(), [0]
    rows = counted(iter(range(1200)), seen, total=1200, detail=lambda: f"{found[0]} found")
    for row in rows:
        found[0] = row
    assert seen.updates == [(500, 1200, "499 found"), (1000, 1200, "999 found")]


def test_plain_lines_come_now_and_then(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    reporter = PlainReporter()
    reporter.stage("gather", total=10)
    reporter.doing("looking for duplicates")
    reporter.update(done=10, total=10, detail="nothing yet")
    monkeypatch.setattr("tsdg.progress.PLAIN_EVERY_S", 0.0)
    reporter.update(done=10, total=10, detail="3 found")
    assert capsys.readouterr().out.splitlines() == [
        "gather: started, 10 rows",
        "gather: looking for duplicates",
        "gather: 10/10  100 %  3 found",
    ]


def test_the_time_left_is_told_by_the_pace_of_this_start(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr("tsdg.progress.time.monotonic", lambda: now[0])
    reporter = PlainReporter()
    reporter.stage("answers", total=200)
    for done, seconds in ((100, 0), (104, 20), (110, 10), (150, 20), (200, 50)):
        now[0] += seconds
        reporter.update(done=done, total=200, detail="")
    assert [line.rstrip() for line in capsys.readouterr().out.splitlines()] == [
        "answers: started, 200 rows",
        "answers: 104/200  52 %  12/min",  # four of a hundred tell little
        "answers: 110/200  55 %  20/min  4 min left",
        "answers: 150/200  75 %  1.0/s  50 s left",
        "answers: 200/200  100 %  1.0/s",
    ]


def test_what_takes_longer_than_a_moment_says_what_it_is(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with said_if_slow("all is checked", after_s=0):  # into a file
        assert not [one for one in threading.enumerate() if isinstance(one, threading.Timer)]
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with said_if_slow("all is checked", after_s=3600):
        pass
    assert capsys.readouterr().err == ""
    with said_if_slow("all is checked", after_s=0):
        for timer in (one for one in threading.enumerate() if isinstance(one, threading.Timer)):
            timer.join()
    out, err = capsys.readouterr()
    assert (out, err) == ("", "tsdg: all is checked\n")


FULL = StageView(
    name="questions-answers",
    total=12_345_678,
    started=0.0,
    done=2_144_000,
    detail="1,024 in flight, 3,400 tokens/s, 2,144,000 requests " + 9 * "and more ",
    first=(90.0, 0),
    last=90.0 + 6 * 3600,
)


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_figures_stay_whole_at_any_width(width: int) -> None:
    first, second = live_lines(FULL, width=width, now=6 * 3600 + 90.0)
    assert str(first).endswith("  2,144,000/12,345,678  17 %  99/s  1 d 5 h left")
    assert max(len(first), len(second)) <= width
    assert ("━" in str(first)) is (width > 60)
    assert str(first).startswith("questions-answers" if width > 60 else "questions-")
    assert str(second).startswith("  6 h 2 min · 1,024 in flight, 3,400 tokens/s, 2,144,")
    assert str(second).endswith("…") is (width < 200)


def test_a_stage_that_counts_nothing_yet_says_what_it_does() -> None:
    view = StageView(name="seeds", total=0, started=5.0, detail="reading rows\x1b[2J")
    assert [str(line) for line in live_lines(view, width=40, now=47.0)] == [
        "seeds",
        "  42 s · reading rows\\x1b[2J",
    ]


def test_a_terminal_keeps_finished_stages_as_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=60, color_system=None)
    live = Live(console=console, auto_refresh=False, transient=True)
    with live:
        reporter = LiveReporter(live)
        live.update(reporter)
        reporter.stage("questions", total=20)
        reporter.update(done=5, total=20, detail="4 in flight")
        live.refresh()
        reporter.note("/a/path" * 20)
        reporter.end("20 rows")
        live.refresh()
    text = out.getvalue()
    assert "5/20  25 %" in text
    assert "/a/path" * 20 in text
    # What is drawn over is erased in the end: after the summary there is no bar.
    assert "━" not in text.rpartition("questions: 20 rows (0.0 s)")[2]
