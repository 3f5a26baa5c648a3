"""``tsdg status``: what a run does."""

from __future__ import annotations

import time
from pathlib import Path

from tsdg.commands.words import Words
from tsdg.layout import run_directory

_EVERY_S = 5.0


def main(words: Words) -> int:
    """Print what a run does; ``--watch`` goes on until nothing of it is pending or running."""
    from tsdg.run.status import read_status
    from tsdg.slurm.run_over_ssh import RUN, is_away, run_there
    from tsdg.views.grid import screen_width
    from tsdg.views.status_text import print_status

    run = run_directory(words.arguments[0], command="tsdg status")
    if is_away(run):
        words_there = ["status", RUN, *sorted(words.flags)]
        return run_there(run, words_there, width=screen_width())
    as_json = "--json" in words.flags
    if "--watch" in words.flags:
        _watch(run, as_json=as_json)
    else:
        print_status(read_status(run), as_json=as_json)
    return 0


def _watch(run: Path, *, as_json: bool) -> None:
    """Print it again and again, until nothing of the run is pending or running."""
    from tsdg.run.status import read_status
    from tsdg.views.status_text import Following, print_status

    following = Following()
    while True:
        status = read_status(run)
        more = status.state in {"pending", "running"}
        if as_json:
            print_status(status, as_json=True)
        else:
            following.show(status, more=more)
        if not more:
            return
        time.sleep(_EVERY_S)
