"""``tsdg diversity``: how wide a run's questions are, and how many more would repeat others."""

from __future__ import annotations

from tsdg.config.words import is_value
from tsdg.errors import UsageError
from tsdg.layout import run_directory

USAGE = "tsdg diversity RUN [against=seeds|RUN2] [at=QUESTIONS] [sample=QUESTIONS] [--json]"
_NUMBERS = ("at", "sample")


def main(arguments: list[str]) -> int:
    """Print the figures of a run beside those of its seeds, or of another run's questions.

    Without a value they are also kept for the report.
    """
    from tsdg.run.measure_diversity import SAMPLE, SEEDS_SIDE, keep_diversity, measure
    from tsdg.views.diversity import print_diversity

    words = [word for word in arguments if not is_value(word) and word != "--json"]
    values = dict(word.split("=", 1) for word in arguments if is_value(word))
    if unknown := values.keys() - {*_NUMBERS, "against"}:
        raise UsageError(f"tsdg diversity: found {min(unknown)}=; allowed: {USAGE}")
    if len(words) != 1 or words[0].startswith("-"):
        raise UsageError(f"tsdg diversity takes a run: {USAGE}")
    for name in _NUMBERS:
        value = values.get(name, "1")
        if not (value.isdecimal() and int(value)):
            raise UsageError(
                f"tsdg diversity: {name}: found {value!r}; allowed: a number above 0: {USAGE}"
            )
    against = values.get("against", SEEDS_SIDE)
    if against != SEEDS_SIDE:
        run_directory(against, command="tsdg diversity: against")
    run = run_directory(words[0], command="tsdg diversity")
    found = measure(
        run,
        against=against,
        at=int(values.get("at", 0)),
        sample=int(values.get("sample", SAMPLE)),
    )
    if not values:
        keep_diversity(run, found)
    print_diversity(found, as_json="--json" in arguments)
    return 0
