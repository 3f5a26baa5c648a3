"""``tsdg difficulty``: are questions as hard as their seeds, and are majorities right?"""

from __future__ import annotations

from tsdg.commands.words import Words
from tsdg.layout import run_directory


def main(words: Words) -> int:
    """Solve some seeds of a run as its questions were solved, and print both side by side."""
    from tsdg.pipeline.measure_difficulty import measure
    from tsdg.progress import reporter
    from tsdg.run.prepare import reopen
    from tsdg.views.difficulty import print_difficulty

    run = run_directory(words.arguments[0], command="tsdg difficulty")
    prepared = reopen(run, words.overrides)
    with reporter() as shown:
        found = measure(prepared, words.number("sample", 50), shown)
    print_difficulty(found)
    return 0
