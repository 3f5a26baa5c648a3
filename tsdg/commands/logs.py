"""``tsdg logs``: the logs of a run, and the one that tells of a stage or an element."""

from __future__ import annotations

import subprocess

from tsdg.errors import UsageError
from tsdg.layout import run_directory

USAGE = "tsdg logs RUN [STAGE] [ELEMENT] [-f]"
FOLLOW = "-f"


def main(arguments: list[str]) -> int:
    """List a run's logs, the newest failure first, or print one; ``-f`` follows it."""
    from tsdg.run.run_logs import choose_log
    from tsdg.slurm.run_over_ssh import RUN, command_there, is_away
    from tsdg.views.logs import follow, print_list, print_log

    words = [word for word in arguments if word != FOLLOW]
    if not 1 <= len(words) <= 3 or any(word.startswith("-") for word in words):
        raise UsageError(f"tsdg logs takes a run, and at most a stage and an element: {USAGE}")
    stage, element = [*words[1:], "", ""][:2]
    run = run_directory(words[0], command="tsdg logs")
    if is_away(run):
        there = ["logs", RUN, *arguments[arguments.index(words[0]) + 1 :]]
        return subprocess.run(command_there(run, there), check=False).returncode
    if not stage:
        print_list(run)
        return 0
    path = choose_log(run, stage, element)
    if FOLLOW in arguments:
        follow(path)
    else:
        print_log(path)
    return 0
