"""``tsdg work``: one stage of an existing run, from its snapshot, as cluster jobs call it.

``--launched`` reads the recipe of the latest launch, which may differ from the snapshot's where no
row depends on it, and ends, with its job, where other jobs are at work on all that is left of a
phase.
"""

from __future__ import annotations

from pathlib import Path

from tsdg.config.words import is_value
from tsdg.errors import UsageError
from tsdg.layout import LAUNCHED_RECIPE, RECIPE


def main(arguments: list[str]) -> int:
    """Do one stage, or take part in it."""
    from tsdg.pipeline.run_stages import find_stage, run_stage
    from tsdg.progress import reporter
    from tsdg.run.prepare import reopen

    launched = "--launched" in arguments
    words = [word for word in arguments if not is_value(word) and word != "--launched"]
    if len(words) != 2 or any(word.startswith("-") for word in words):
        raise UsageError(
            "tsdg work takes a run directory and a stage: tsdg work RUN STAGE [KEY=VALUE ...]"
        )
    file = LAUNCHED_RECIPE if launched else RECIPE
    prepared = reopen(Path(words[0]), [word for word in arguments if is_value(word)], file=file)
    stage = find_stage(prepared, words[1])
    with reporter() as shown:
        run_stage(prepared, stage, shown, may_leave=launched)
    return 0
