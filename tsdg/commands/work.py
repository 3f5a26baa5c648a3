"""``tsdg work``: one stage of an existing run, from its snapshot, as cluster jobs call it.

``--launched`` reads the recipe of the latest launch, which may differ from the snapshot's where no
row depends on it. It ends, with its job, while other jobs still work on everything that is left of
a phase. Where this node's way to the run fails, it ends with exit code 75, and is requeued.
"""

from __future__ import annotations

from pathlib import Path

from tsdg.commands.words import Words
from tsdg.config.stages import ALL_STAGES
from tsdg.errors import NodeStorageError, StorageError
from tsdg.layout import LAUNCHED_RECIPE, RECIPE


def main(words: Words) -> int:
    """Do one stage, or take part in it; or do all."""
    from tsdg.pipeline.run_stages import find_stage, run_all, run_stage
    from tsdg.progress import reporter
    from tsdg.run.prepare import reopen
    from tsdg.storage import is_passing

    run, name = words.arguments
    launched = "--launched" in words.flags
    try:
        prepared = reopen(Path(run), words.overrides, file=LAUNCHED_RECIPE if launched else RECIPE)
        stage = None if name == ALL_STAGES else find_stage(prepared, name)
        with reporter() as shown:
            if stage is None:
                run_all(prepared, shown)
            else:
                run_stage(prepared, stage, shown, may_leave=launched)
    except StorageError as error:
        if launched and is_passing(error.__cause__):
            raise NodeStorageError(str(error)) from error.__cause__
        raise
    return 0
