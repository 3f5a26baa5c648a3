"""Finds the held-out row that is (nearly) the same item as a seed or a generated question.

**The same**: context, question and options agree after normalisation, or context and question do,
where they are long enough to be no common stem or the held-out row is of the same data set.

**Nearly the same**: an item has an *ask*, the last sentence of its question, and a *story*, all
that stands before it. One of the two items must stand in the other, whichever is the larger, with
its ask *and* with its story: the same story with another ask is another item, a sentence more on
one side hides nothing. Ask or story stands in the other item where a share of at least ``overlap``
of its runs of ``ngram`` words does (:mod:`tsdg.seeds.heldout.ngrams`), or all of it word by word.
Runs that more than ``COMMON`` different held-out items have ("which of the following is not an
example of a") are templates: they are never counted as shared. Beside that there must be evidence,
one of these:

* ``ENOUGH`` shared runs, which at 8 words are 13 words in a row;
* the very same options, if they say something (*yes* and *no* do not);
* a shared run, and ask and story word by word, if they are long enough to be no common stem, and
  the options of the two items, if both have any, do not differ.

Memory: 12 bytes for each run kept, of an ask or story at most ``KEPT`` (those with the smallest
hashes, a fair sample): at most 6 KiB a held-out item, in the mean of a real mirror 0.5 KiB, and 80
bytes of hashes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tsdg.protocols import Match, Posed
from tsdg.seeds.heldout.ngrams import U64, Ints, Runs
from tsdg.seeds.rows.keys import ItemKeys, keys

Flags = np.ndarray[Any, np.dtype[np.bool_]]

COMMON = 32
"""Held-out items with different stems that may have a run before it counts as a template."""
ENOUGH = 6
"""Shared runs that are evidence by themselves."""
KEPT = 256
"""Runs of an ask or story that are kept."""
_BATCH_CHARACTERS = 1 << 20
_BATCH_ITEMS = 4096
_ASK, _STORY = 0, 1

DOC = np.dtype(
    [
        ("row", np.uint32),
        ("specific", np.bool_),
        ("stem", np.uint64),
        ("whole", np.uint64),
        ("choices", np.uint64),
        ("text", np.uint64, 2),
        ("length", np.uint32, 2),
        ("runs", np.uint32, 2),
        ("kept", np.uint16, 2),
    ]
)
"""A held-out item: its row, its :class:`~tsdg.seeds.rows.keys.Keys`; and of its ask and story the
hash of all of it, its characters, its runs, and how many of these are kept."""
RUN = np.dtype([("hash", np.uint64), ("field", np.uint32)])
"""A run; ``field`` is twice the number of its item, and one more for the story."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """The held-out items of one file."""

    name: str
    dataset_path: str
    rows: int
    docs: np.ndarray[Any, Any]
    runs: np.ndarray[Any, Any]


def _distinct(hashes: U64, fields: Ints) -> tuple[U64, Ints, Ints]:
    """Each run of a field once, by field and hash; and its rank in the field."""
    order = np.lexsort((hashes, fields))
    hashes, fields = hashes[order], fields[order]
    new = np.ones(len(hashes), bool)
    new[1:] = (hashes[1:] != hashes[:-1]) | (fields[1:] != fields[:-1])
    hashes, fields = hashes[new], fields[new]
    return hashes, fields, np.arange(len(fields)) - np.searchsorted(fields, fields)


def _batches(entries: Iterable[tuple[int, ItemKeys]]) -> Iterator[list[tuple[int, ItemKeys]]]:
    batch: list[tuple[int, ItemKeys]] = []
    size = 0
    for entry in entries:
        batch.append(entry)
        size += len(entry[1].ask) + len(entry[1].story)
        if size > _BATCH_CHARACTERS or len(batch) == _BATCH_ITEMS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _texts(batch: Sequence[ItemKeys]) -> list[str]:
    return [text for item in batch for text in (item.ask, item.story)]


def index_items(
    entries: Iterable[tuple[int, ItemKeys]], ngram: int
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Make the arrays of a :class:`Piece`.

    Args:
        entries: row and keys of each item.
        ngram: words of a run.
    """
    docs: list[np.ndarray[Any, Any]] = []
    tables: list[np.ndarray[Any, Any]] = []
    count = 0
    for batch in _batches(entries):
        found = Runs(_texts([item for _, item in batch]), ngram)
        hashes, fields, rank = _distinct(found.hashes, found.owners)
        doc = np.zeros(len(batch), DOC)
        doc["row"] = [row for row, _ in batch]
        for name in ("stem", "whole", "choices"):
            doc[name] = np.fromiter(
                (getattr(item, name) for _, item in batch), np.uint64, len(batch)
            )
        doc["specific"] = [item.specific for _, item in batch]
        doc["text"], doc["length"] = found.whole.reshape(-1, 2), found.length.reshape(-1, 2)
        doc["runs"] = np.bincount(fields, minlength=2 * len(batch)).reshape(-1, 2)
        doc["kept"] = np.minimum(doc["runs"], KEPT)
        table = np.zeros(int((rank < KEPT).sum()), RUN)
        table["hash"], table["field"] = hashes[rank < KEPT], fields[rank < KEPT] + 2 * count
        docs.append(doc)
        tables.append(table)
        count += len(batch)
    return np.concatenate([np.empty(0, DOC), *docs]), np.concatenate([np.empty(0, RUN), *tables])


class _Filter:
    """Rules out most hashes that are not in a table with one look; a search takes twenty."""

    def __init__(self, hashes: U64) -> None:
        bits = max(int(len(hashes) * 16).bit_length(), 10)
        self._shift = np.uint64(64 - bits)
        self._bytes = np.zeros(1 << (bits - 3), np.uint8)
        for start in range(0, len(hashes), _BATCH_CHARACTERS):
            place, bit = self._places(hashes[start : start + _BATCH_CHARACTERS])
            np.bitwise_or.at(self._bytes, place, bit)

    def _places(self, hashes: U64) -> tuple[U64, np.ndarray[Any, np.dtype[np.uint8]]]:
        top = hashes >> self._shift
        return top >> np.uint64(3), np.left_shift(
            np.uint8(1), (top & np.uint64(7)).astype(np.uint8)
        )

    def __call__(self, hashes: U64) -> Flags:
        """Whether each hash may be in the table.

        Always true where it is, in one case of 16 or more where it is not.
        """
        place, bit = self._places(hashes)
        found: Flags = (self._bytes[place] & bit) != 0
        return found


class LeakIndex:
    """The items of all held-out splits of one mirror, and of benchmark files.

    Attributes:
        splits: names of the held-out splits and files.
        rows: how many rows they have.
        ngram: words of a run.
        overlap: share of the runs from which two items are nearly the same.
    """

    def __init__(self, pieces: Sequence[Piece], *, ngram: int, overlap: float) -> None:
        self.splits = tuple(piece.name for piece in pieces)
        self.rows = sum(piece.rows for piece in pieces)
        self.ngram = ngram
        self.overlap = overlap
        self._datasets = [piece.dataset_path for piece in pieces]
        sizes = [len(piece.docs) for piece in pieces]
        self._docs = np.concatenate([np.empty(0, DOC), *(piece.docs for piece in pieces)])
        self._files = np.repeat(np.arange(len(sizes)), sizes)
        self._by = {name: self._sorted(name) for name in ("stem", "whole", "choices")}
        hashes = np.concatenate([np.empty(0, np.uint64), *(piece.runs["hash"] for piece in pieces)])
        fields = np.concatenate(
            [np.empty(0, np.uint32), *(piece.runs["field"] for piece in pieces)]
        )
        before = np.cumsum([0, *sizes])[:-1]  # per file, the items of those before it
        fields += np.repeat(2 * before, [len(piece.runs) for piece in pieces]).astype(np.uint32)
        # Of items with one stem (the same row in several benchmarks) the first speaks for all.
        single = np.zeros(len(self._docs), bool)
        single[np.unique(self._docs["stem"], return_index=True)[1]] = True
        used = single[fields >> 1]
        hashes, fields = hashes[used], fields[used]
        order = np.argsort(hashes, kind="stable")
        hashes, fields = hashes[order], fields[order]
        starts = (
            np.flatnonzero(np.append(True, hashes[1:] != hashes[:-1]))
            if len(hashes)
            else np.empty(0, np.int64)
        )
        counts = np.diff(np.append(starts, len(hashes)))
        telling = np.repeat(counts <= COMMON, counts)
        self._hashes, self._fields = hashes[telling], fields[telling]
        self._known = _Filter(self._hashes)
        self._telling = np.bincount(self._fields, minlength=2 * len(self._docs)).reshape(-1, 2)
        self._size = np.maximum(self._docs["kept"], 1)
        self._scale = self._docs["runs"] / self._size

    def _sorted(self, name: str) -> tuple[U64, Ints]:
        order = np.argsort(self._docs[name], kind="stable")
        return self._docs[name][order], order

    def _equal(self, name: str, values: U64) -> list[Ints]:
        """Per value, the items that have it, in the order of the files."""
        table, order = self._by[name]
        starts, ends = (
            np.searchsorted(table, values, "left"),
            np.searchsorted(table, values, "right"),
        )
        return [order[start:end] for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]

    def compare(self, items: Sequence[Posed]) -> list[Match | None]:
        """Return, per item, a held-out row that is the same item or nearly, or None."""
        return self.find(keys(items))

    def find(self, items: Sequence[ItemKeys], dataset_path: str = "") -> list[Match | None]:
        """Return, per item, a held-out row that is the same item or nearly, or None.

        Args:
            items: of some seeds or questions.
            dataset_path: of the seeds; empty for generated questions.
        """
        out: list[Match | None] = []
        for batch in _batches(enumerate(items)):
            out += self._find([item for _, item in batch], dataset_path)
        return out

    def _find(self, items: Sequence[ItemKeys], dataset_path: str) -> list[Match | None]:
        if not len(self._docs):
            return [None] * len(items)
        stems = self._equal("stem", np.array([item.stem for item in items], np.uint64))
        wholes = self._equal("whole", np.array([item.whole for item in items], np.uint64))
        out: list[Match | None] = []
        for item, same_stem, same_whole in zip(items, stems, wholes, strict=True):
            places = same_stem.tolist()
            if not item.specific:
                places = [
                    place for place in places if self._datasets[self._files[place]] == dataset_path
                ]
            place = next(iter([*places, *same_whole.tolist()]), None)
            out.append(None if place is None else self._match(place, "also in", exact=True))
        rest = [place for place, match in enumerate(out) if match is None]
        for place, match in zip(rest, self._near([items[place] for place in rest]), strict=True):
            out[place] = match
        return out

    def _match(self, doc: int, how: str, *, exact: bool) -> Match:
        return Match(
            split=self.splits[self._files[doc]],
            row=int(self._docs["row"][doc]),
            exact=exact,
            how=how,
        )

    def _near(self, items: Sequence[ItemKeys]) -> list[Match | None]:
        """Per item, of the held-out items that are nearly the same, the one that shares most."""
        found = Runs(_texts(items), self.ngram)
        hashes, fields, _ = _distinct(found.hashes, found.owners)
        total = np.maximum(np.bincount(fields, minlength=2 * len(items)).reshape(-1, 2), 1)
        choices = np.array([item.choices for item in items], np.uint64)
        place, doc, shared = self._pairs(hashes, fields, choices)
        docs, text, length = (
            self._docs[doc],
            found.whole.reshape(-1, 2)[place],
            found.length.reshape(-1, 2)[place],
        )
        matched = shared.sum(axis=(1, 2))
        same_choices = (choices[place] == docs["choices"]) & (docs["choices"] > 0)
        enough = (matched >= ENOUGH) | same_choices
        other_choices = ~same_choices & (docs["choices"] > 0) & (choices[place] > 0)
        specific = np.array([item.specific for item in items], bool)[place]
        equal = (text == docs["text"]) & (length == docs["length"])
        # The held-out item stands in this one, or this one in the held-out item, of which there are
        # only hashes.
        near = np.zeros((2, len(place)), bool)
        for side, (shares, size, own_runs, telling) in enumerate(
            (
                (
                    shared.sum(axis=1) / self._size[doc],
                    docs["length"],
                    shared[:, :, _ASK].sum(axis=1),
                    docs["specific"],
                ),
                (
                    (shared * self._scale[doc][:, None, :]).sum(axis=2) / total[place],
                    length,
                    shared[:, _ASK].sum(axis=1),
                    specific,
                ),
            )
        ):
            empty = size == 0
            stands = (shares >= self.overlap) | empty
            little = telling & (own_runs > 0) & ~other_choices
            hopeful = (enough | little) & ~empty.all(axis=1)
            verbatim = equal.copy()
            if side == 0:
                self._look(verbatim, stands, hopeful, found, place, doc, shared)
            near[side] = (
                hopeful
                & (stands | verbatim).all(axis=1)
                & (enough | (verbatim | empty).all(axis=1))
            )
        out: list[Match | None] = [None] * len(items)
        most = [-1] * len(items)
        for pair in np.flatnonzero(near.any(axis=0)).tolist():
            at, count = int(place[pair]), int(matched[pair])
            if count > most[at]:
                most[at] = count
                inner = (
                    int(self._docs["kept"][doc[pair]].sum())
                    if near[0, pair]
                    else int(total[at].sum())
                )
                out[at] = self._match(
                    int(doc[pair]), self._how(count, inner, theirs=bool(near[0, pair])), exact=False
                )
        return out

    def _how(self, count: int, total: int, *, theirs: bool) -> str:
        if not count:
            return "has the words and the options of"
        whose = "the" if theirs else "its"
        runs = f"{min(count, total)} of {whose} {total} runs of {self.ngram} words"
        return f"has {runs} of" if theirs else f"has {runs} in"

    def _pairs(self, hashes: U64, fields: Ints, choices: U64) -> tuple[Ints, Ints, Ints]:
        """Which items may be which held-out ones: they share a telling run, or the options.

        Returns:
            Per pair: the item, the held-out item, and the runs that they share, by the item's and
            the other's field.
        """
        known = self._known(hashes)
        mine, theirs = _joined(hashes[known], fields[known], self._hashes, self._fields)
        table, order = self._by["choices"]
        some = np.flatnonzero(choices)
        item, option_doc = _joined(choices[some], some, table, order, most=COMMON)
        size = max(len(self._docs), 1)
        pairs, place = np.unique(
            np.concatenate([(mine >> 1) * size + (theirs >> 1), item * size + option_doc]),
            return_inverse=True,
        )
        combination = place[: len(mine)] * 4 + (mine & 1) * 2 + (theirs & 1)
        return (
            pairs // size,
            pairs % size,
            np.bincount(combination, minlength=4 * len(pairs)).reshape(-1, 2, 2),
        )

    def _look(
        self,
        verbatim: Flags,
        stands: Flags,
        hopeful: Flags,
        found: Runs,
        place: Ints,
        doc: Ints,
        shared: Ints,
    ) -> None:
        """Set ``verbatim`` where a held-out ask or story stands word by word and that decides."""
        docs = self._docs[doc]
        # A text that stands there shares all its telling runs: few pairs are left to look at one by
        # one.
        may = verbatim | ((shared.sum(axis=1) == self._telling[doc]) & (docs["length"] > 0))
        may &= docs["length"] <= found.length.reshape(-1, 2)[place].max(axis=1)[:, None]
        open_ = hopeful & (stands | may).all(axis=1)
        for pair, field in np.argwhere(may & ~verbatim & open_[:, None]).tolist():
            text, length = int(docs["text"][pair, field]), int(docs["length"][pair, field])
            verbatim[pair, field] = any(
                found.stands_in(2 * int(place[pair]) + own, text, length) for own in (_ASK, _STORY)
            )


def _joined(left: U64, values: Ints, table: U64, others: Ints, most: int = 0) -> tuple[Ints, Ints]:
    """Join by hash: the values of ``left`` beside those of the sorted ``table``.

    If ``most``, of no more equal ones.
    """
    starts, ends = np.searchsorted(table, left, "left"), np.searchsorted(table, left, "right")
    counts = ends - starts
    if most:
        counts[counts > most] = 0
    within = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.repeat(values, counts), others[np.repeat(starts, counts) + within].astype(np.int64)
