"""Draws the concept that a question aims at: from the syllabus, near its seed, rare ones sooner.

The syllabus is a table of concepts by field and subfield, with the number of seeds that need each
(``study/syllabus.parquet``). A draw takes a concept of the seed's subfield, or of one of its
neighbours: the subfields that share most concepts with it. The chance of a concept is
proportional to 1 / √ of its count, and none is one of the seed's own. So a thousand seeds on
photosynthesis do not all become the same question on respiration.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tsdg.generate.draws import number
from tsdg.records import Study
from tsdg.tables import unreadable

NEIGHBOURS = 6
"""Subfields that a draw may take a concept from, beside the seed's own."""
_NEIGHBOURLY = 0.3
"""Share of the draws that look there."""
_NARROW = 12
"""A subfield with fewer concepts gives its draws those of its whole field as well."""
_COMMON = 40
"""A concept of more subfields than this (`cause and effect`) makes none of them neighbours."""
_TRIES = 8
_DRAWS = 1 << 31


@dataclass(frozen=True, slots=True)
class _Range:
    """Rows of the table, which is sorted by field and subfield."""

    start: int
    end: int


class Syllabus:
    """The syllabus of a run. Read once a process; a draw takes as long however large it is."""

    def __init__(self, table: pa.Table) -> None:
        """Take the table of ``study/syllabus.parquet``, sorted by field and subfield."""
        self._concepts = table["concept"].combine_chunks()
        self._reach = np.concatenate(
            [[0.0], np.cumsum(1 / np.sqrt(np.asarray(table["count"], np.float64)))]
        )
        self._fields = _ranges(list(zip(table["field"].to_pylist(), strict=True)))
        self._subfields = _ranges(
            list(zip(table["field"].to_pylist(), table["subfield"].to_pylist(), strict=True))
        )
        self._neighbours = _neighbours(self._subfields, table["concept"].to_pylist())

    @classmethod
    def read(cls, path: Path) -> Syllabus:
        """Read the table.

        Raises:
            VerificationError: it is missing or damaged.
            StorageError: this user may not read it.
        """
        try:
            table = pq.read_table(path, columns=["field", "subfield", "concept", "count"])
        except (OSError, pa.ArrowException, ValueError) as error:
            raise unreadable(path, error) from error
        return cls(table)

    def aim(self, study: Study, *, seed: int, draw: int) -> str:
        """Return the concept that one question of a seed aims at.

        Empty where the syllabus has none near the seed but its own.

        Args:
            study: of the seed, in the syllabus' spelling.
            seed: of the run.
            draw: number of the question.
        """
        home = (study.field, study.subfield)
        own = self._subfields.get(home)
        if own is None:
            return ""
        wide = own if own.end - own.start >= _NARROW else self._fields[(study.field,)]
        near = self._neighbours.get(home, ())
        for attempt in range(_TRIES):
            where, which, place = (
                number("aim", seed, study.seed_id, draw, attempt, part) / _DRAWS
                for part in range(3)
            )
            rows = near[int(which * len(near))] if near and where < _NEIGHBOURLY else wide
            concept = self._drawn(rows, place)
            if concept not in study.concepts:
                return concept
        return ""

    def _drawn(self, rows: _Range, place: float) -> str:
        low, high = self._reach[rows.start], self._reach[rows.end]
        row = int(np.searchsorted(self._reach, low + place * (high - low), side="right")) - 1
        concept: str = self._concepts[min(max(row, rows.start), rows.end - 1)].as_py()
        return concept


def _ranges(keys: list[tuple[str, ...]]) -> dict[tuple[str, ...], _Range]:
    """Key → its rows, which stand together."""
    out: dict[tuple[str, ...], _Range] = {}
    start = 0
    for row in range(1, len(keys) + 1):
        if row == len(keys) or keys[row] != keys[start]:
            out[keys[start]] = _Range(start, row)
            start = row
    return out


def _neighbours(
    subfields: dict[tuple[str, ...], _Range], concepts: list[str]
) -> dict[tuple[str, ...], tuple[_Range, ...]]:
    """Subfield → the subfields that share most concepts with it."""
    where: dict[str, list[int]] = defaultdict(list)
    names = list(subfields)
    for place, rows in enumerate(subfields.values()):
        for row in range(rows.start, rows.end):
            where[concepts[row]].append(place)
    shared: dict[int, Counter[int]] = defaultdict(Counter)
    for places in where.values():
        if 1 < len(places) <= _COMMON:
            for one, other in combinations(places, 2):
                shared[one][other] += 1
                shared[other][one] += 1
    return {
        names[place]: tuple(
            subfields[names[other]]
            for other, _ in sorted(found.items(), key=lambda item: (-item[1], item[0]))[:NEIGHBOURS]
        )
        for place, found in shared.items()
    }
