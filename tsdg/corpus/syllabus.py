"""The syllabus of a run: which concepts its seeds need, how often, and which occur together.

Counting streams: only the table of counts and one batch of mentions are in memory. Names that share
a key (:mod:`tsdg.concepts`) are one, under their commonest spelling. Where different names or pairs
exceed a bound, the rarest are forgotten, and counted as forgotten.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tsdg.concepts import concept_key
from tsdg.records import Study

SCHEMA = pa.schema(
    [
        pa.field("field", pa.string(), nullable=False),
        pa.field("subfield", pa.string(), nullable=False),
        pa.field("concept", pa.string(), nullable=False),
        pa.field("count", pa.int64(), nullable=False),
        pa.field("beside", pa.list_(pa.string()), nullable=False),
    ]
)
"""A concept of a subfield, the number of seeds that need it, and the concepts that occur most often
with it in a seed of any subfield, the commonest first."""
BESIDE = 8
_BATCH = 200_000
_NAMES = ["field", "subfield", "concept"]
Ints = npt.NDArray[np.int64]


class Mentions:
    """Counts names as they come.

    Attributes:
        forgotten: mentions of names that were dropped for being rare.
    """

    def __init__(self, *, most: int = 500_000) -> None:
        self._most = most
        self._rows: list[tuple[str, str, str]] = []
        self._counts = pa.table(
            {
                **{name: pa.array([], pa.string()) for name in _NAMES},
                "count": pa.array([], pa.int64()),
            }
        )
        self.forgotten = 0

    def add(self, study: Study) -> None:
        """Count the concepts of a study that can be used."""
        self._rows += [(study.field, study.subfield, concept) for concept in study.concepts]
        if len(self._rows) >= _BATCH:
            self._pack()

    def _pack(self) -> None:
        columns = list(zip(*self._rows, strict=True)) or [()] * len(_NAMES)
        new = {
            name: pa.array(column, pa.string())
            for name, column in zip(_NAMES, columns, strict=True)
        }
        ones = pa.array(np.ones(len(self._rows), np.int64))
        self._counts = _summed(
            pa.concat_tables([self._counts, pa.table({**new, "count": ones})]), _NAMES
        )
        self._rows = []
        least = 1
        while self._counts.num_rows > self._most:
            least += 1
            kept = self._counts.filter(pc.greater_equal(self._counts["count"], least))
            self.forgotten += pc.sum(self._counts["count"]).as_py() - (
                pc.sum(kept["count"]).as_py() or 0
            )
            self._counts = kept

    def names(self) -> Names:
        """What was counted, under its commonest spellings."""
        self._pack()
        keyed = self._counts
        for name in _NAMES:
            keyed = keyed.append_column(f"{name}_key", _keys(keyed[name]))
        fields = _commonest(keyed, ["field_key"], "field")
        subfields = _commonest(keyed, ["field_key", "subfield_key"], "subfield")
        concepts = _commonest(keyed, ["concept_key"], "concept")
        counts = _summed(
            keyed.select([*(f"{name}_key" for name in _NAMES), "count"]),
            [f"{name}_key" for name in _NAMES],
        )
        return Names(
            fields={row["field_key"]: row["field"] for row in fields.to_pylist()},
            subfields={
                (row["field_key"], row["subfield_key"]): row["subfield"]
                for row in subfields.to_pylist()
            },
            concepts=dict(
                zip(
                    concepts["concept_key"].to_pylist(),
                    concepts["concept"].to_pylist(),
                    strict=True,
                )
            ),
            counts=counts,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """Key → the commonest spelling, and how often each concept of a subfield was named."""

    fields: dict[str, str]
    subfields: dict[tuple[str, str], str]
    concepts: dict[str, str]
    counts: pa.Table
    """Columns ``field_key``, ``subfield_key``, ``concept_key``, ``count``."""

    def spelt(self, study: Study) -> Study:
        """The study with all its names in their commonest spelling, each concept once."""
        field = concept_key(study.field)
        concepts = dict.fromkeys(
            self.concepts.get(concept_key(name), name) for name in study.concepts
        )
        return replace(
            study,
            field=self.fields.get(field, study.field),
            subfield=self.subfields.get((field, concept_key(study.subfield)), study.subfield),
            concepts=tuple(concepts),
        )

    def table(self, pairs: Pairs) -> pa.Table:
        """The syllabus, by field, subfield and falling count."""
        keys = self.counts.to_pydict()
        subfields = zip(keys["field_key"], keys["subfield_key"], strict=True)
        beside = pairs.beside()
        concepts = [self.concepts[key] for key in keys["concept_key"]]
        made = pa.table(
            {
                "field": [self.fields[key] for key in keys["field_key"]],
                "subfield": [self.subfields[key] for key in subfields],
                "concept": concepts,
                "count": keys["count"],
                "beside": [beside.get(concept, []) for concept in concepts],
            },
            schema=SCHEMA,
        )
        return made.sort_by(
            [
                ("field", "ascending"),
                ("subfield", "ascending"),
                ("count", "descending"),
                ("concept", "ascending"),
            ]
        )


class Pairs:
    """Counts which concepts stand together in a seed.

    Attributes:
        forgotten: mentions of pairs that were dropped for being rare.
    """

    def __init__(self, *, most: int = 2_000_000) -> None:
        self._most = most
        self._numbers: dict[str, int] = {}
        self._names: list[str] = []
        self._new: list[int] = []
        self._pairs: Ints = np.empty(0, np.int64)
        self._counts: Ints = np.empty(0, np.int64)
        self.forgotten = 0

    def add(self, concepts: Sequence[str]) -> None:
        """Count every pair of a seed's concepts."""
        numbers = sorted({self._number(name) for name in concepts})
        self._new += [
            low << 32 | high for place, low in enumerate(numbers) for high in numbers[place + 1 :]
        ]
        if len(self._new) >= 5 * _BATCH:
            self._pack()

    def _number(self, name: str) -> int:
        number = self._numbers.setdefault(name, len(self._names))
        if number == len(self._names):
            self._names.append(name)
        return number

    def _pack(self) -> None:
        pairs = np.concatenate([self._pairs, np.array(self._new, np.int64)])
        counts = np.concatenate([self._counts, np.ones(len(self._new), np.int64)])
        self._new = []
        self._pairs, places = np.unique(pairs, return_inverse=True)
        self._counts = np.bincount(places, weights=counts, minlength=len(self._pairs)).astype(
            np.int64
        )
        least = 1
        while len(self._pairs) > self._most:
            least += 1
            kept = self._counts >= least
            self.forgotten += int(self._counts[~kept].sum())
            self._pairs, self._counts = self._pairs[kept], self._counts[kept]

    def beside(self) -> dict[str, list[str]]:
        """Concept → those that stand most often beside it, the commonest first."""
        self._pack()
        low, high = self._pairs >> 32, self._pairs & 0xFFFFFFFF
        ones, others = np.concatenate([low, high]), np.concatenate([high, low])
        counts = np.concatenate([self._counts, self._counts])
        order = np.lexsort((others, -counts, ones))
        ones, others = ones[order], others[order]
        starts = np.searchsorted(ones, ones, side="left")
        first = np.arange(len(ones)) - starts < BESIDE
        out: dict[str, list[str]] = {}
        for one, other in zip(ones[first].tolist(), others[first].tolist(), strict=True):
            out.setdefault(self._names[one], []).append(self._names[other])
        return out


def _summed(table: pa.Table, by: list[str]) -> pa.Table:
    grouped = table.group_by(by).aggregate([("count", "sum")])
    return grouped.rename_columns(
        [name.removesuffix("_sum") for name in grouped.column_names]
    ).select([*by, "count"])


def _keys(names: pa.ChunkedArray) -> Any:
    """The key of each name; of each different name it is worked out once."""
    encoded = pc.dictionary_encode(names.combine_chunks())
    keys = pa.array([concept_key(name) for name in encoded.dictionary.to_pylist()], pa.string())
    return keys.take(encoded.indices)


def _commonest(keyed: pa.Table, by: list[str], name: str) -> pa.Table:
    """Per key the spelling that was met most often; of equal ones the first by the alphabet."""
    counted = _summed(keyed.select([*by, name, "count"]), [*by, name])
    ordered = counted.sort_by(
        [*((key, "ascending") for key in by), ("count", "descending"), (name, "ascending")]
    )
    grouped = ordered.group_by(by, use_threads=False).aggregate([(name, "first")])
    return grouped.rename_columns(
        [column.removesuffix("_first") for column in grouped.column_names]
    )
