"""``tsdg merge``: finished runs as one dataset."""

from __future__ import annotations

from pathlib import Path

from tsdg.commands.table import COMMANDS
from tsdg.commands.words import Words
from tsdg.errors import UsageError
from tsdg.layout import run_directory

ROWS_PER_FILE = 100_000


def main(words: Words) -> int:
    """Merge finished runs into one dataset, each question once."""
    from tsdg.package.merged import dropped_of
    from tsdg.pipeline.merge import merge

    if "out" not in words.keys:
        command = COMMANDS["merge"]
        raise UsageError(f"tsdg merge takes {command.takes}: {command.call}")
    runs = [run_directory(word, command="tsdg merge") for word in words.arguments]
    if len({run.resolve() for run in runs}) < len(runs):
        raise UsageError("tsdg merge: a run is named twice; name each once")
    out = words.keys["out"]
    totals = merge(runs, Path(out), rows_per_file=ROWS_PER_FILE, seed=0)["totals"]
    requests, texts = dropped_of(Path(out))
    print(
        f"{totals['records']:,} records of {len(runs)} runs in {out}, verified; left out as there "
        f"already: {requests:,} questions by their id (one request, asked again), {texts:,} by "
        "their text"
    )
    return 0
