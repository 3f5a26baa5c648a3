"""``tsdg watch``: a run at work, drawn again and again."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tsdg.commands.words import Words
from tsdg.layout import run_directory

_EVERY_S = 5.0
_GOES_ON = ("pending", "running")
Moment = tuple[list[str], bool]
"""Lines, and whether there is more to come."""


def main(words: Words) -> int:
    """Show a run in the terminal until nothing of it is pending or running."""
    from tsdg.slurm.run_over_ssh import is_away
    from tsdg.views.watch_text import print_frame

    run = run_directory(words.arguments[0], command="tsdg watch")
    look = _there(run) if is_away(run) else _here(run)
    if "--once" in words.flags or not _can_redraw():
        print_frame(look()[0])
        return 0
    try:
        _redraw(look)
    except KeyboardInterrupt:
        # To look away is no failure; the run goes on.
        print(f"{run} goes on; `tsdg watch` shows it again")
    return 0


def _can_redraw() -> bool:
    return sys.stdout.isatty() and os.environ.get("TERM", "dumb") not in ("dumb", "unknown")


def _redraw(look: Callable[[], Moment]) -> None:
    from tsdg.views.watch_text import Screen

    screen = Screen()
    more = True
    while more:
        lines, more = look()
        size = shutil.get_terminal_size()
        screen.draw(lines, width=size.columns, height=size.lines)
        if more:
            time.sleep(_EVERY_S)


def _here(run: Path) -> Callable[[], Moment]:
    from tsdg.run.watched import Watcher
    from tsdg.views.grid import screen_width
    from tsdg.views.watch_text import frame

    watcher = Watcher(run)

    def look() -> Moment:
        seen = watcher.look()
        return frame(seen, width=screen_width()), seen.status.state in _GOES_ON

    return look


def _there(run: Path) -> Callable[[], Moment]:
    """The same of a run that is on a cluster reached over ssh, with that run's own code."""
    from tsdg.slurm.run_over_ssh import RUN, told_there
    from tsdg.views.grid import screen_width

    def look() -> Moment:
        lines = told_there(run, ["watch", RUN, "--once"], width=screen_width()).splitlines()
        return lines, any(lines[0].endswith(f": {state}") for state in _GOES_ON)

    return look
