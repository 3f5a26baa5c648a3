"""How data sets differ from what is expected of them: on a screen of 80 columns, and as a file."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from textwrap import wrap

from tsdg.errors import shown
from tsdg.seeds.probe.differences import COLUMNS, Level, SourceDifference
from tsdg.storage import write_whole

_WIDTH = 80
_NAMES: dict[Level, str] = {
    "stops": "cannot be used",
    "accept": "must be accepted before use",
    "note": "to know",
}


def print_differences(differences: Sequence[SourceDifference]) -> None:
    """Print differences: what stops first, then what must be accepted, then notes."""
    for level, name in _NAMES.items():
        those = [one for one in differences if one.level == level]
        if those:
            print(f"\n{name} ({len(those)}):")
        for one in those:
            print(f"\n  {shown(one.where)}: {one.what}")
            _print("expected", one.expected)
            _print("found", one.found)
            _print("means", one.meaning)
            _print("accept", one.accept)


def _print(name: str, text: str) -> None:
    if text:
        start = f"    {name.ljust(9)}"
        lines = wrap(
            shown(text),
            _WIDTH - len(start),
            break_on_hyphens=False,
            break_long_words=name != "accept",
        )
        print("\n".join([start + lines[0], *(" " * len(start) + line for line in lines[1:])]))


def print_probe(differences: Sequence[SourceDifference], table: Path, *, as_json: bool) -> None:
    """Print what a probe found, and where its table is."""
    if as_json:
        rows = [one.row() for one in differences]
        print(json.dumps({"differences": rows, "table": str(table)}, indent=1))
        return
    print_differences(differences)
    print(f"\n{summary(differences)}")
    print(f"as a table that you can send to us: {table}")


def summary(differences: Sequence[SourceDifference]) -> str:
    """Return how many differences there are, in words."""
    counts = Counter(one.level for one in differences)
    told = [f"{counts[level]} {name}" for level, name in _NAMES.items() if counts[level]]
    return f"{len(differences)} differences: {', '.join(told)}" if told else "no difference"


def write_table(path: Path, differences: Sequence[SourceDifference]) -> None:
    """Write differences as CSV. It names no machine, account or token: it may be sent to others.

    Raises:
        StorageError: it cannot be written.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(one.row() for one in differences)
    write_whole(path, text.getvalue().encode())
