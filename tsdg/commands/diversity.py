"""``tsdg diversity``: how varied a run's questions are, and how many more would repeat others."""

from __future__ import annotations

from tsdg.commands.words import Words
from tsdg.layout import run_directory


def main(words: Words) -> int:
    """Print the figures of a run beside those of its seeds, or of another run's questions.

    Without a key they are also kept for the report.
    """
    from tsdg.run.measure_diversity import SAMPLE, SEEDS_SIDE, keep_diversity, measure
    from tsdg.views.diversity import print_diversity

    against = words.keys.get("against", SEEDS_SIDE)
    if against != SEEDS_SIDE:
        run_directory(against, command="tsdg diversity: against")
    run = run_directory(words.arguments[0], command="tsdg diversity")
    found = measure(
        run, against=against, at=words.number("at", 0), sample=words.number("sample", SAMPLE)
    )
    if not words.keys:
        keep_diversity(run, found)
    print_diversity(found, as_json="--json" in words.flags)
    return 0
