"""``tsdg resume``: go on with a run, where and as it was started."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tsdg.config.words import is_value
from tsdg.errors import UsageError
from tsdg.layout import run_directory

if TYPE_CHECKING:
    from tsdg.launch.submit import Launch

DRY_RUN = "--dry-run"


def main(arguments: list[str]) -> int:
    """Submit jobs for what is left of a run that was launched; else continue it here."""
    from tsdg.commands.launch import relaunch
    from tsdg.commands.run import run_prepared
    from tsdg.pipeline.prepare import reopen
    from tsdg.slurm.jobs import JOBS

    words = [word for word in arguments if not is_value(word) and word != DRY_RUN]
    overrides = [word for word in arguments if is_value(word)]
    if len(words) != 1 or words[0].startswith("-"):
        raise UsageError(
            "tsdg resume takes one run directory: tsdg resume RUN [KEY=VALUE ...] [--dry-run]"
        )
    run = run_directory(words[0], command="tsdg resume")
    for word in overrides:
        if word.startswith(("run=", "output_root=")):
            raise UsageError(
                f"tsdg resume: {word}: it goes on in {run}; `tsdg replay RUN {word}` runs it "
                "elsewhere"
            )
    if (run / JOBS).is_file():
        launches: list[Launch] = []
        relaunch(run, overrides, launches, dry_run=DRY_RUN in arguments)
        return 0
    if (run / "launch").is_dir():
        raise UsageError(
            f"{run}: its launch was not noted in {JOBS}; `tsdg launch` it again with the same "
            "recipe"
        )
    if DRY_RUN in arguments:
        print(f"{run} would be continued here")
        return 0
    return run_prepared(reopen(run, overrides), overrides)
