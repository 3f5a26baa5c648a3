"""``tsdg resume``: go on with a run, where and as it was started."""

from __future__ import annotations

from tsdg.commands.options import SCRIPTS, is_dry
from tsdg.commands.words import Words
from tsdg.errors import UsageError
from tsdg.layout import JOBS, LAUNCH, run_directory


def main(words: Words) -> int:
    """Submit jobs for what is left of a run that was launched; else continue it here."""
    from tsdg.commands.run import run_prepared
    from tsdg.launch.launch_run import relaunch
    from tsdg.run.prepare import reopen
    from tsdg.views.launch import print_outcome

    run = run_directory(words.arguments[0], command="tsdg resume")
    dry_run, scripts = is_dry(words.flags), SCRIPTS.name in words.flags
    for word in words.overrides:
        if word.startswith(("run=", "output_root=")):
            raise UsageError(
                f"tsdg resume: {word}: it continues in {run}; `tsdg replay RUN {word}` runs it "
                "elsewhere"
            )
    if (run / JOBS).is_file():
        done = relaunch(run, words.overrides, dry_run=dry_run)
        print_outcome(done, run, dry_run=dry_run, scripts=scripts)
        return 0
    if (run / LAUNCH).is_dir():
        raise UsageError(
            f"{run}: its launch was not noted in {JOBS}; `tsdg launch` it again with the same "
            "recipe"
        )
    if dry_run:
        print(f"{run} would be continued here")
        return 0
    return run_prepared(reopen(run, words.overrides), words.overrides)
