"""``tsdg retry``: ask again for what a run lost."""

from __future__ import annotations

from tsdg.commands.words import Words
from tsdg.layout import run_directory


def main(words: Words) -> int:
    """Prepare a run so that its lost rows are asked for again, and say how to go on."""
    from tsdg.pipeline.retry import reasons_of, retry

    run = run_directory(words.arguments[0], command="tsdg retry")
    reasons = reasons_of(words.keys.get("reason", ""))
    prepared = retry(run, reasons)
    named = ", ".join(f"{count} of {phase}" for phase, count in prepared.rows.items())
    if prepared.units:
        named = ", ".join(filter(None, (named, f"those of {prepared.units} unfinished work units")))
    if not named:
        print(f"{run}: nothing was rejected as {' or '.join(reasons)}")
        return 0
    print(f"to be asked again: {named}; all other rows stay")
    print(f"go on with: tsdg resume {run}")
    return 0
