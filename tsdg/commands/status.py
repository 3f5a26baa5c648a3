"""``tsdg status``."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

from tsdg.errors import UsageError
from tsdg.layout import run_directory

_FLAGS = {"--json", "--watch"}
_EVERY_S = 5.0


def main(arguments: list[str]) -> int:
    """Print what a run does; ``--watch`` goes on until nothing of it is pending or running."""
    from tsdg.slurm.run_over_ssh import RUN, command_there, is_away

    words = [word for word in arguments if word not in _FLAGS]
    if len(words) != 1 or words[0].startswith("-"):
        raise UsageError("tsdg status takes one run directory: tsdg status RUN [--json] [--watch]")
    run = run_directory(words[0], command="tsdg status")
    if is_away(run):
        return subprocess.run(
            command_there(run, ["status", RUN, *sorted(_FLAGS & set(arguments))]), check=False
        ).returncode
    while (
        _show(run, as_json="--json" in arguments, clear="--watch" in arguments)
        and "--watch" in arguments
    ):
        time.sleep(_EVERY_S)
    return 0


def _show(run: Path, *, as_json: bool, clear: bool) -> bool:
    """Print it once; returns whether there is more to come."""
    from tsdg.run.status import read_status, status_json
    from tsdg.views.status_text import print_status

    status = read_status(run)
    if as_json:
        print(json.dumps(status_json(status)), flush=True)
    else:
        if clear and sys.stdout.isatty():
            print("\x1b[H\x1b[2J", end="")
        print_status(status)
        sys.stdout.flush()
    return status.state in {"pending", "running"}
