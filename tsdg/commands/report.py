"""``tsdg report``: a page to read a run by, or to compare runs by."""

from __future__ import annotations

from pathlib import Path

from tsdg.commands.words import Words
from tsdg.errors import UsageError
from tsdg.layout import run_directory


def main(words: Words) -> int:
    """Write ``report.html`` of a run; of several, a page of its own with them side by side.

    Raises:
        UsageError: a run is named twice, or a word fits the other kind of page only.
    """
    runs = [run_directory(word, command="tsdg report") for word in words.arguments]
    print(_report(runs[0], words) if len(runs) == 1 else _beside(runs, words))
    return 0


def _report(run: Path, words: Words) -> Path:
    from tsdg.package.report.page import SAMPLE, write_report

    if "out" in words.keys:
        raise UsageError(
            "tsdg report: out= names the page of several runs; the report of one is its report.html"
        )
    return write_report(run, sample=words.number("sample", SAMPLE))


def _beside(runs: list[Path], words: Words) -> Path:
    from tsdg.package.report.beside import write_beside

    if len({run.resolve() for run in runs}) < len(runs):
        raise UsageError("tsdg report: a run is named twice; name different ones to compare")
    if "sample" in words.keys:
        raise UsageError(
            "tsdg report: several runs are shown without rows to read; sample= is for one run"
        )
    named = words.keys.get("out")
    beside = runs[0].parent / f"{'-beside-'.join(run.name for run in runs[:4])}.html"
    return write_beside(runs, Path(named).expanduser() if named else beside)
