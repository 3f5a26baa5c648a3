"""``tsdg resume``: go on with a run, where and as it was started."""

from __future__ import annotations

from tsdg.config.words import is_value
from tsdg.errors import UsageError
from tsdg.layout import JOBS, LAUNCH, run_directory

DRY_RUN = "--dry-run"


def main(arguments: list[str]) -> int:
    """Submit jobs for what is left of a run that was launched; else continue it here."""
    from tsdg.commands.run import run_prepared
    from tsdg.launch.launch_run import relaunch
    from tsdg.run.prepare import reopen
    from tsdg.views.launch import print_outcome

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
        done = relaunch(run, overrides, dry_run=DRY_RUN in arguments)
        print_outcome(done, run, dry_run=DRY_RUN in arguments)
        return 0
    if (run / LAUNCH).is_dir():
        raise UsageError(
            f"{run}: its launch was not noted in {JOBS}; `tsdg launch` it again with the same "
            "recipe"
        )
    if DRY_RUN in arguments:
        print(f"{run} would be continued here")
        return 0
    return run_prepared(reopen(run, overrides), overrides)
