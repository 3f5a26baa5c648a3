"""``tsdg merge``."""

from __future__ import annotations

from pathlib import Path

from tsdg.errors import RequestWrong

ROWS_PER_FILE = 100_000


def main(arguments: list[str]) -> int:
    """Merge finished runs into one dataset, each question once."""
    from tsdg.pipeline.merge import merge

    runs = [Path(word) for word in arguments if "=" not in word]
    outs = [word.removeprefix("out=") for word in arguments if word.startswith("out=")]
    unknown = [word for word in arguments if "=" in word and not word.startswith("out=")]
    if len(runs) < 2 or len(outs) != 1 or unknown or any(word.startswith("-") for word in arguments):
        raise RequestWrong("tsdg merge takes two runs or more and a folder: tsdg merge RUN RUN... out=FOLDER")
    for run in runs:
        if not run.is_dir():
            raise RequestWrong(f"tsdg merge: there is no directory {run}; `tsdg run` names its run directory last")
    if len({run.resolve() for run in runs}) < len(runs):
        raise RequestWrong("tsdg merge: a run is named twice; name each once")
    manifest = merge(runs, Path(outs[0]), rows_per_file=ROWS_PER_FILE, seed=0)
    totals = manifest["totals"]
    dropped = totals["filter"]["rejected"].get("duplicate", 0)
    print(f"{totals['records']:,} records of {len(runs)} runs in {outs[0]}; {dropped:,} questions stood in two runs")
    return 0
