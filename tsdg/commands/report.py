"""``tsdg report``."""

from __future__ import annotations

from tsdg.config.words import is_value
from tsdg.errors import UsageError
from tsdg.layout import run_directory
from tsdg.package.report.page import SAMPLE, write_report


def main(arguments: list[str]) -> int:
    """Write ``report.html`` of a run; totals of further runs stand beside it."""
    words = [word for word in arguments if not is_value(word)]
    values = [word for word in arguments if is_value(word)]
    samples = [word.removeprefix("sample=") for word in values if word.startswith("sample=")]
    if not words or any(word.startswith("-") for word in arguments) or len(samples) != len(values):
        raise UsageError("tsdg report takes runs: tsdg report RUN [RUN...] [sample=QUESTIONS]")
    if samples and not (samples[-1].isdecimal() and int(samples[-1])):
        raise UsageError(f"tsdg report: sample: found {samples[-1]!r}; allowed: a number above 0")
    runs = [run_directory(word, command="tsdg report") for word in words]
    path = write_report(runs[0], sample=int(samples[-1]) if samples else SAMPLE, beside=runs[1:])
    print(path)
    return 0
