"""``tsdg replay``: a run once more from its snapshot, in a directory of its own."""

from __future__ import annotations

from pathlib import Path

from tsdg.commands.options import SCRIPTS, is_dry
from tsdg.commands.words import Words


def main(words: Words) -> int:
    """Launch the run again with its jobs' code if its recipe names a cluster; else run it here."""
    from tsdg.commands.run import run_prepared
    from tsdg.launch.launch_run import launch_again
    from tsdg.run.prepare import prepare_again
    from tsdg.views.launch import print_outcome

    before = Path(words.arguments[0])
    dry_run, scripts = is_dry(words.flags), SCRIPTS.name in words.flags
    prepared = prepare_again(before, words.overrides)
    if prepared.recipe.cluster:
        done = launch_again(before, prepared, words.overrides, dry_run=dry_run)
        print_outcome(done, prepared.directory, dry_run=dry_run, scripts=scripts)
        return 0
    if dry_run:
        print(f"{before} would be run again here, in {prepared.directory}")
        return 0
    return run_prepared(prepared, words.overrides)
