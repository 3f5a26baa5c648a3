"""``tsdg replay``: a run once more from its snapshot, in a directory of its own."""

from __future__ import annotations

import itertools
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tsdg.config.recipe import PromptConfig
from tsdg.config.words import is_value
from tsdg.errors import UsageError

if TYPE_CHECKING:
    from tsdg.launch.submit import Launch
    from tsdg.pipeline.prepare import Prepared

DRY_RUN = "--dry-run"


def main(arguments: list[str]) -> int:
    """Launch the run again with its jobs' code if its recipe names a cluster; else run it here."""
    from tsdg.commands.launch import launch_prepared
    from tsdg.commands.run import run_prepared

    words = [word for word in arguments if not is_value(word) and word != DRY_RUN]
    overrides = [word for word in arguments if is_value(word)]
    if len(words) != 1 or words[0].startswith("-") or not words[0]:
        raise UsageError(
            "tsdg replay takes one run directory: tsdg replay RUN [KEY=VALUE ...] [--dry-run]"
        )
    before = Path(words[0])
    prepared = once_more(before, overrides)
    launches: list[Launch] = []
    if not prepared.recipe.cluster:
        if DRY_RUN in arguments:
            print(f"{before} would be run again here, in {prepared.directory}")
            return 0
        return run_prepared(prepared, overrides)
    code = before / "snapshot" / "code.tar.gz"
    if code.is_file() and DRY_RUN not in arguments:
        kept = prepared.directory / "snapshot" / code.name
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(code, kept)
    launch_prepared(prepared, overrides, launches, dry_run=DRY_RUN in arguments)
    return 0


def once_more(before: Path, overrides: list[str]) -> Prepared:
    """Prepare the same recipe for another directory.

    This is ``run=NAME``, or else the next free ``<run>-replay-<n>`` beside it.

    Raises:
        UsageError: ``before`` is no run directory, or an override would make it another run.
        MirrorError: the mirror is missing.
    """
    from tsdg.pipeline.prepare import reopen

    held = reopen(before, overrides)
    root, name = Path(held.recipe.output_root).absolute(), held.recipe.run
    if (root / name) == before.absolute():
        names = (f"{before.absolute().name}-replay-{number}" for number in itertools.count(1))
        name = next(name for name in names if not (root / name).exists())
    prompts = PromptConfig(dir=str((before / "snapshot" / "prompts").absolute()), files={})
    recipe = held.recipe.model_copy(
        update={"output_root": str(root), "run": name, "prompt": prompts}
    )
    return replace(held, recipe=recipe, directory=root / name)
