"""``tsdg replay``: a run once more from its snapshot, in a directory of its own."""

from __future__ import annotations

from pathlib import Path

from tsdg.config.words import is_value
from tsdg.errors import UsageError

DRY_RUN = "--dry-run"


def main(arguments: list[str]) -> int:
    """Launch the run again with its jobs' code if its recipe names a cluster; else run it here."""
    from tsdg.commands.run import run_prepared
    from tsdg.launch.launch_run import launch_again
    from tsdg.run.prepare import prepare_again
    from tsdg.views.launch import print_outcome

    words = [word for word in arguments if not is_value(word) and word != DRY_RUN]
    overrides = [word for word in arguments if is_value(word)]
    if len(words) != 1 or words[0].startswith("-") or not words[0]:
        raise UsageError(
            "tsdg replay takes one run directory: tsdg replay RUN [KEY=VALUE ...] [--dry-run]"
        )
    before = Path(words[0])
    prepared = prepare_again(before, overrides)
    dry_run = DRY_RUN in arguments
    if not prepared.recipe.cluster:
        if dry_run:
            print(f"{before} would be run again here, in {prepared.directory}")
            return 0
        return run_prepared(prepared, overrides)
    done = launch_again(before, prepared, overrides, dry_run=dry_run)
    print_outcome(done, prepared.directory, dry_run=dry_run)
    return 0
