"""``tsdg status``: what a run does."""

from __future__ import annotations

import time
from pathlib import Path

from tsdg.commands.words import Words
from tsdg.layout import run_directory

_EVERY_S = 5.0


def main(words: Words) -> int:
    """Print what a run does; ``--watch`` goes on until nothing of it is pending or running."""
    from tsdg.slurm.run_over_ssh import RUN, is_away, run_there

    run = run_directory(words.arguments[0], command="tsdg status")
    if is_away(run):
        return run_there(run, ["status", RUN, *sorted(words.flags)])
    watch = "--watch" in words.flags
    while _show(run, as_json="--json" in words.flags, clear=watch) and watch:
        time.sleep(_EVERY_S)
    return 0


def _show(run: Path, *, as_json: bool, clear: bool) -> bool:
    """Print it once; returns whether there is more to come."""
    from tsdg.run.status import read_status
    from tsdg.views.status_text import print_status

    status = read_status(run)
    print_status(status, as_json=as_json, clear=clear)
    return status.state in {"pending", "running"}
