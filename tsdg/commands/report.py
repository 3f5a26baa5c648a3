"""``tsdg report``: a page to read a run by."""

from __future__ import annotations

from tsdg.commands.words import Words
from tsdg.layout import run_directory


def main(words: Words) -> int:
    """Write ``report.html`` of a run; totals of further runs stand beside it."""
    from tsdg.package.report.page import SAMPLE, write_report

    runs = [run_directory(word, command="tsdg report") for word in words.arguments]
    print(write_report(runs[0], sample=words.number("sample", SAMPLE), beside=runs[1:]))
    return 0
