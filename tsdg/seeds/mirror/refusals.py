"""Why splits of a mirror could not be fetched, as the last prefetch was told of each."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from pathlib import Path

from tsdg.errors import shown
from tsdg.storage import write_whole

NOT_FETCHED = "not_fetched.csv"
"""File of a mirror: the splits that could not be had, each with the reason."""
_COLUMNS = ("split", "why")


def read_refusals(mirror: Path) -> dict[str, str]:
    """Return why splits could not be fetched, by their name; what is damaged counts as nothing."""
    try:
        text = (mirror / NOT_FETCHED).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return {}
    rows = csv.DictReader(io.StringIO(text))
    return {row["split"]: row["why"] for row in rows if row.get("split") and row.get("why")}


def note_refusals(mirror: Path, asked: Iterable[str], why: Mapping[str, str]) -> None:
    """Note why splits could not be fetched, in place of what is noted of those that were asked for.

    Args:
        mirror: the mirror's folder.
        asked: names of all splits that were asked for.
        why: of those that could not be had, the reason.

    Raises:
        StorageError: the mirror cannot be written.
    """
    before, again = read_refusals(mirror), set(asked)
    now = {name: reason for name, reason in before.items() if name not in again}
    now |= {name: shown(" ".join(reason.split())) for name, reason in why.items()}
    if now == before:
        return
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_COLUMNS)
    writer.writerows(sorted(now.items()))
    write_whole(mirror / NOT_FETCHED, out.getvalue().encode())
