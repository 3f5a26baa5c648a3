"""Shows the progress of a run: a live line on a terminal, plain lines elsewhere.

The pipeline calls a :class:`Reporter`; it does not know which one it has.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

from tsdg.amounts import duration
from tsdg.errors import folded, shown

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.live import Live
    from rich.text import Text

Row = TypeVar("Row")
_SHOWN_EACH = 500
PLAIN_EVERY_S = 10.0
"""Seconds between two plain lines of one stage."""
_REFRESHED_EACH_S = 0.25
_LONGEST_BAR = 40
_SHORTEST_BAR = 4


class Reporter(Protocol):
    """Where the pipeline says what it is doing."""

    def note(self, line: str) -> None:
        """Say one thing that happened."""
        ...

    def stage(self, name: str, *, total: int) -> None:
        """Begin a stage of ``total`` rows (0: not known yet)."""
        ...

    def doing(self, what: str) -> None:
        """Say what the stage does until it next counts rows, as "reading held-out rows"."""
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


@dataclass(kw_only=True)
class StageView:
    """What is known of the stage that is at work."""

    name: str
    total: int
    """Rows; 0 where it is not known."""
    started: float
    """By a clock of seconds that never goes back, as all times here."""
    done: int = 0
    detail: str = ""
    first: tuple[float, int] | None = None
    """When this start first counted rows, and how many were done before it."""
    last: float = 0.0

    def count(self, *, done: int, total: int, now: float) -> None:
        """Take how many rows are done."""
        self.done, self.total, self.last = done, total, now
        if self.first is None:
            self.first = now, done

    def figures(self) -> list[str]:
        """Count, per cent, rate and time left, as far as they are known."""
        if self.first is None:
            return [f"{self.total:,} rows"] if self.total else []
        since, before = self.first
        done, left = self.done - before, self.total - self.done
        seconds = self.last - since
        out = [f"{self.done:,}/{self.total:,}" if self.total else f"{self.done:,}"]
        if self.total:
            out.append(f"{100 * self.done // self.total} %")
        if done > 0 and seconds > 0:
            out.append(_rate(done / seconds))
            # Until a twentieth is done, servers start and the first rows run.
            if left > 0 and done >= (self.total - before) / 20:
                out.append(f"{duration(max(1, seconds * left / done))} left")
        return out


def _rate(per_second: float) -> str:
    """Rows a second, or a minute or an hour where those are more than one."""
    for rate, unit in ((per_second, "s"), (60 * per_second, "min")):
        if rate >= 1:
            return f"{rate:,.0f}/{unit}" if rate >= 10 else f"{rate:.1f}/{unit}"
    return f"{3600 * per_second:.0f}/h"


class PlainReporter:
    """Lines for logs and pipes: one as each stage starts and ends, and one now and then."""

    def __init__(self) -> None:
        self._view = StageView(name="", total=0, started=0.0)
        self._said = 0.0

    def note(self, line: str) -> None:
        """Print the line."""
        print(shown(line), flush=True)

    def stage(self, name: str, *, total: int) -> None:
        """Print the stage's name."""
        self._said = time.monotonic()
        self._view = StageView(name=name, total=total, started=self._said)
        print(f"{name}: started" + (f", {total:,} rows" if total else ""), flush=True)

    def doing(self, what: str) -> None:
        """Print it."""
        print(f"{self._view.name}: {shown(what)}", flush=True)

    def update(self, *, done: int, total: int, detail: str) -> None:
        """Print how far it is, at most every ten seconds."""
        now = time.monotonic()
        self._view.count(done=done, total=total, now=now)
        if now - self._said < PLAIN_EVERY_S:
            return
        self._said = now
        line = "  ".join([*self._view.figures(), *([shown(detail)] if detail else [])])
        print(f"{self._view.name}: {line}", flush=True)

    def end(self, summary: str) -> None:
        """Print the result and how long it took."""
        print(_ended(self._view, summary), flush=True)


class LiveReporter:
    """On a terminal: finished stages as plain lines, and below them the stage that is at work."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._view: StageView | None = None

    def note(self, line: str) -> None:
        """Print the line above the stage."""
        # Not folded by rich: a path must stay whole to be copied.
        console = self._live.console
        text = folded(shown(line), console.width, indent="  ")
        console.print(text, markup=False, highlight=False, soft_wrap=True)

    def stage(self, name: str, *, total: int) -> None:
        """Show the stage in place of the one before."""
        self._view = StageView(name=name, total=total, started=time.monotonic())

    def doing(self, what: str) -> None:
        """Show it beside the time that the stage has taken so far."""
        if self._view:
            self._view.detail = what

    def update(self, *, done: int, total: int, detail: str) -> None:
        """Show how far it is."""
        if self._view:
            self._view.count(done=done, total=total, now=time.monotonic())
            self._view.detail = detail

    def end(self, summary: str) -> None:
        """Print the result as a line of its own."""
        if self._view:
            ended, self._view = _ended(self._view, summary), None
            self.note(ended)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The lines of the stage at work, as wide as the terminal is now."""
        if self._view:
            yield from live_lines(self._view, width=options.max_width, now=time.monotonic())


def live_lines(view: StageView, *, width: int, now: float) -> list[Text]:
    """A stage in two lines: bar and figures; the time so far and what it does. Pure.

    Figures are always whole: what has no room is first the end of the second line, then the bar,
    then the end of the stage's name.

    Args:
        view: the stage.
        width: cells of a line.
        now: by the clock of the view.
    """
    from rich.text import Text

    figures = "  ".join(view.figures())
    room = width - len(figures) - (2 if figures else 0)
    name = Text(view.name, style="bold")
    name.truncate(max(room, 0), overflow="ellipsis")
    first = Text.assemble(name)
    bar = min(_LONGEST_BAR, room - len(name) - 2)
    if view.total and bar >= _SHORTEST_BAR:
        full = bar * view.done // view.total
        first.append("  ").append("━" * full, style="green").append("─" * (bar - full), style="dim")
    if figures:
        first.append("  ").append(figures)
    detail = f" · {shown(view.detail)}" if view.detail else ""
    second = Text(f"  {duration(now - view.started)}{detail}", style="dim")
    second.truncate(width, overflow="ellipsis")
    return [first, second]


def _ended(view: StageView, summary: str) -> str:
    return f"{view.name}: {shown(summary)} ({time.monotonic() - view.started:.1f} s)"


@contextmanager
def said_if_slow(what: str, *, after_s: float = 1.0) -> Iterator[None]:
    """Say on a terminal what goes on, where that takes longer than a moment.

    On standard error, and nothing into a file: who reads that does not wait.

    Args:
        what: as "the recipe and its prompts are checked".
        after_s: seconds of silence before it.
    """
    timer = threading.Timer(after_s, lambda: print(f"tsdg: {what}", file=sys.stderr, flush=True))
    timer.daemon = True
    if sys.stderr.isatty():
        timer.start()
    try:
        yield
    finally:
        timer.cancel()


PREPARES = "the recipe is checked: its prompts, its tasks and their splits in the mirror"


@contextmanager
def reporter() -> Iterator[Reporter]:
    """The reporter that fits standard output."""
    if not sys.stdout.isatty() or os.environ.get("TERM", "dumb") in ("dumb", "unknown"):
        yield PlainReporter()
        return
    from rich.live import Live

    with Live(refresh_per_second=1 / _REFRESHED_EACH_S, transient=True) as live:
        shown_live = LiveReporter(live)
        live.update(shown_live)
        yield shown_live
