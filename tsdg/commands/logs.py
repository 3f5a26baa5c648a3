"""``tsdg logs``: the logs of a run, and the one that tells of a stage or an element."""

from __future__ import annotations

from tsdg.commands.words import Words
from tsdg.layout import run_directory


def main(words: Words) -> int:
    """List a run's logs, the newest failure first, or print one; ``-f`` follows it."""
    from tsdg.run.run_logs import choose_log
    from tsdg.slurm.run_over_ssh import RUN, is_away, run_there
    from tsdg.views.logs import follow, print_list, print_log

    run, (stage, element) = words.arguments[0], [*words.arguments[1:], "", ""][:2]
    directory = run_directory(run, command="tsdg logs")
    if is_away(directory):
        there = ["logs", RUN, *words.arguments[1:], *words.flags]
        return run_there(directory, there)
    if not stage:
        print_list(directory)
        return 0
    path = choose_log(directory, stage, element)
    if "-f" in words.flags:
        follow(path)
    else:
        print_log(path)
    return 0
