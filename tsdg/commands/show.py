"""``tsdg show``: questions of a run to read."""

from __future__ import annotations

from tsdg.commands.words import Words
from tsdg.layout import run_directory


def main(words: Words) -> int:
    """Print some questions of a run with their seeds, votes and records."""
    from tsdg.views.show import print_questions

    run = run_directory(words.arguments[0], command="tsdg show")
    print_questions(
        run,
        task=words.arguments[1] if len(words.arguments) > 1 else "",
        count=words.number("-n", 2),
        rejected="--rejected" in words.flags,
    )
    return 0
