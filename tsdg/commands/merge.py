"""``tsdg merge``."""

from __future__ import annotations

from pathlib import Path

from tsdg.config.words import is_value
from tsdg.errors import UsageError
from tsdg.layout import run_directory

ROWS_PER_FILE = 100_000


def main(arguments: list[str]) -> int:
    """Merge finished runs into one dataset, each question once."""
    from tsdg.pipeline.merge import merge

    words = [word for word in arguments if not is_value(word)]
    outs = [word.removeprefix("out=") for word in arguments if word.startswith("out=")]
    unknown = [word for word in arguments if is_value(word) and not word.startswith("out=")]
    if (
        len(words) < 2
        or len(outs) != 1
        or unknown
        or any(word.startswith("-") for word in arguments)
    ):
        raise UsageError(
            "tsdg merge takes two runs or more and a folder: tsdg merge RUN RUN... out=FOLDER"
        )
    runs = [run_directory(word, command="tsdg merge") for word in words]
    if len({run.resolve() for run in runs}) < len(runs):
        raise UsageError("tsdg merge: a run is named twice; name each once")
    manifest = merge(runs, Path(outs[0]), rows_per_file=ROWS_PER_FILE, seed=0)
    totals = manifest["totals"]
    dropped = totals["filter"]["rejected"].get("duplicate", 0)
    print(
        f"{totals['records']:,} records of {len(runs)} runs in {outs[0]}; {dropped:,} questions "
        "stood in two runs"
    )
    return 0
