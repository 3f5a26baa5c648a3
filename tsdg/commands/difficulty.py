"""``tsdg difficulty``: are questions as hard as their seeds, and are majorities right?"""

from __future__ import annotations

from tsdg.config.words import is_value
from tsdg.errors import UsageError
from tsdg.layout import run_directory

USAGE = "tsdg difficulty RUN [sample=50] [KEY=VALUE ...]"


def main(arguments: list[str]) -> int:
    """Solve some seeds of a run as its questions were solved, and print both side by side."""
    from tsdg.pipeline.measure_difficulty import measure
    from tsdg.progress import reporter
    from tsdg.run.prepare import reopen
    from tsdg.views.difficulty import print_difficulty

    words = [word for word in arguments if not is_value(word)]
    if len(words) != 1 or words[0].startswith("-"):
        raise UsageError(f"tsdg difficulty takes a run: {USAGE}")
    sample = next(
        (word.removeprefix("sample=") for word in arguments if word.startswith("sample=")), "50"
    )
    if not (sample.isdecimal() and int(sample)):
        raise UsageError(
            f"tsdg difficulty: sample: found {sample!r}; allowed: a number above 0: {USAGE}"
        )
    overrides = [word for word in arguments if is_value(word) and not word.startswith("sample=")]
    prepared = reopen(run_directory(words[0], command="tsdg difficulty"), overrides)
    with reporter() as shown:
        found = measure(prepared, int(sample), shown)
    print_difficulty(found)
    return 0
