"""Shows the progress of a run: live bars on a terminal, plain lines elsewhere.

The pipeline calls a :class:`Reporter`; it does not know which one it has.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol, TypeVar

from tsdg.errors import shown

if TYPE_CHECKING:
    from rich.progress import Progress

Row = TypeVar("Row")
_SHOWN_EACH = 500
PLAIN_EVERY_S = 10.0
"""Seconds between two plain lines of one stage."""


class Reporter(Protocol):
    """Where the pipeline says what it is doing."""

    def note(self, line: str) -> None:
        """Say one thing that happened."""
        ...

    def stage(self, name: str, *, total: int) -> None:
        """Begin a stage of ``total`` rows (0: not known yet)."""
        ...

    def update(self, *, done: int, total: int, detail: str) -> None:
        """Say how far the stage is, and one short detail such as tokens a second."""
        ...

    def end(self, summary: str) -> None:
        """End the stage and summarise its result."""
        ...


def counted(
    rows: Iterable[Row], reporter: Reporter, *, total: int, detail: Callable[[], str]
) -> Iterator[Row]:
    """Yield rows, and show how many of them there were.

    Args:
        rows: of a stage.
        reporter: that shows the stage.
        total: number of rows; 0 where it is not known.
        detail: one short line for now.
    """
    for done, row in enumerate(rows, start=1):
        yield row
        if done % _SHOWN_EACH == 0:
            reporter.update(done=done, total=total, detail=detail())


class PlainReporter:
    """Lines for logs and pipes: one as each stage starts and ends, and one now and then."""

    def __init__(self) -> None:
        self._name = ""
        self._started = self._said = 0.0
        self._before: int | None = None
        """Rows already done when the stage began, where a run is continued."""

    def note(self, line: str) -> None:
        """Print the line."""
        print(shown(line), flush=True)

    def stage(self, name: str, *, total: int) -> None:
        """Print the stage's name."""
        self._name, self._started, self._said, self._before = (
            name,
            time.monotonic(),
            time.monotonic(),
            None,
        )
        print(f"{name}: started" + (f", {total} rows" if total else ""), flush=True)

    def update(self, *, done: int, total: int, detail: str) -> None:
        """Print how far it is, at most every ten seconds."""
        now = time.monotonic()
        before = self._before = done if self._before is None else self._before
        if now - self._said < PLAIN_EVERY_S:
            return
        self._said = now
        left = _left(done - before, total - before, now - self._started)
        print(f"{self._name}: {done}/{total}{left}  {shown(detail)}", flush=True)

    def end(self, summary: str) -> None:
        """Print the result and how long it took."""
        print(f"{self._name}: {summary} ({time.monotonic() - self._started:.1f} s)", flush=True)


class LiveReporter:
    """Rich's live bars for a terminal."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("", visible=False, detail="")
        self._name = ""

    def note(self, line: str) -> None:
        """Print the line above the bars."""
        self._progress.console.print(shown(line), markup=False, highlight=False)

    def stage(self, name: str, *, total: int) -> None:
        """Show a new bar."""
        self._name = name
        self._task = self._progress.add_task(name, total=total or None, detail="")

    def update(self, *, done: int, total: int, detail: str) -> None:
        """Move the bar."""
        self._progress.update(self._task, completed=done, total=total or None, detail=detail)

    def end(self, summary: str) -> None:
        """Fill the bar and leave the summary beside it."""
        task = next(t for t in self._progress.tasks if t.id == self._task)
        total = task.total or task.completed or 1
        self._progress.update(self._task, completed=total, total=total, detail=summary)
        self._progress.stop_task(self._task)


@contextmanager
def reporter() -> Iterator[Reporter]:
    """The reporter that fits standard output."""
    if not sys.stdout.isatty():
        yield PlainReporter()
        return
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description:<10}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[detail]}"),
    )
    with Progress(*columns) as progress:
        yield LiveReporter(progress)


def _left(done: int, total: int, elapsed: float) -> str:
    """The time left at the pace so far; none before a twentieth is done.

    Until then servers start and the first rows run.
    """
    if not total / 20 <= done < total:
        return ""
    seconds = round(elapsed * (total - done) / done)
    return (
        f", about {seconds // 60} min {seconds % 60} s left"
        if seconds >= 60
        else f", about {seconds} s left"
    )
