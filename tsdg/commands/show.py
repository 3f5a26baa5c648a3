"""``tsdg show``."""

from __future__ import annotations

from tsdg.errors import UsageError
from tsdg.layout import run_directory

USAGE = "tsdg show RUN [TASK] [-n QUESTIONS] [--rejected]"


def main(arguments: list[str]) -> int:
    """Print some questions of a run with their seeds, votes and records."""
    from tsdg.views.show import print_questions

    words = [word for word in arguments if word != "--rejected"]
    count = "2"
    if "-n" in words:
        place = words.index("-n")
        count = words[place + 1] if place + 1 < len(words) else ""
        del words[place : place + 2]
    if not (count.isdecimal() and int(count)):
        raise UsageError(f"tsdg show: -n: found {count!r}; allowed: a number above 0: {USAGE}")
    if len(words) not in (1, 2) or any(word.startswith("-") for word in words):
        raise UsageError(f"tsdg show takes a run: {USAGE}")
    run = run_directory(words[0], command="tsdg show")
    task = words[1] if len(words) == 2 else ""
    print_questions(run, task=task, count=int(count), rejected="--rejected" in arguments)
    return 0
