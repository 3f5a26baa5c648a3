"""``tsdg cancel``: end all jobs of a run, for good."""

from __future__ import annotations

from tsdg.commands.words import Words
from tsdg.layout import run_directory


def main(words: Words) -> int:
    """Cancel what is pending and running of a run, and say what that was."""
    from tsdg.launch.cancel import cancel
    from tsdg.launch.submission import settle
    from tsdg.slurm.jobs import read_jobs
    from tsdg.slurm.run_over_ssh import is_away
    from tsdg.slurm.slurm_shell import Shell
    from tsdg.views.launch import print_cancelled

    run = run_directory(words.arguments[0], command="tsdg cancel")
    shell = Shell(ssh=read_jobs(run).ssh if is_away(run) else None)
    print_cancelled(run, cancel(settle(run, shell), shell))
    return 0
