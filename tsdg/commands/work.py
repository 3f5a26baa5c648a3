"""``tsdg work``: one stage of an existing run, from its snapshot, as cluster jobs call it.

``--launched`` reads the recipe of the latest launch, which may differ from the snapshot's where no
row depends on it. It ends, with its job, while other jobs still work on everything that is left of
a phase.
"""

from __future__ import annotations

from pathlib import Path

from tsdg.commands.words import Words
from tsdg.layout import LAUNCHED_RECIPE, RECIPE


def main(words: Words) -> int:
    """Do one stage, or take part in it."""
    from tsdg.pipeline.run_stages import find_stage, run_stage
    from tsdg.progress import reporter
    from tsdg.run.prepare import reopen

    run, name = words.arguments
    launched = "--launched" in words.flags
    prepared = reopen(Path(run), words.overrides, file=LAUNCHED_RECIPE if launched else RECIPE)
    stage = find_stage(prepared, name)
    with reporter() as shown:
        run_stage(prepared, stage, shown, may_leave=launched)
    return 0
