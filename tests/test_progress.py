"""What a person sees while rows go by."""

from __future__ import annotations

import pytest

from tsdg.progress import PlainReporter, counted


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
    reporter.update(done=1, total=10, detail="nothing yet")
    monkeypatch.setattr("tsdg.progress.PLAIN_EVERY_S", 0.0)
    reporter.update(done=10, total=10, detail="3 found")
    assert capsys.readouterr().out.splitlines() == [
        "gather: started, 10 rows",
        "gather: 10/10  3 found",
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
        "answers: 104/200",  # four of a hundred tell little
        "answers: 110/200, about 4 min 30 s left",
        "answers: 150/200, about 50 s left",
        "answers: 200/200",
    ]
