"""Near-duplicates: questions a few words away from another, a seed or an earlier run's.

Three steps, none of which holds the texts in memory:

1. :meth:`NearDuplicates.add` turns each document into words, keeps their hashes on disk, and
   computes its keys (``near_keys.py``);
2. keys are cut into parts by their value and sorted part by part; documents with an equal key are
   candidates;
3. candidates are compared word by word (``near_pairs.py``), so that a shared key alone removes
   nothing.

Words alone do not say whether two questions are the same: "Why are Ann's bones strong?" and "Why
are Ann's bones weak?" differ in one. So only documents are compared that agree in what is added as
their ``core``, such as a short answer.

Of the documents that are near to one another the one with the highest agreement stays, of equal
ones the one with the smallest id: in this order, each is removed if it is near to one that stays.
So the order in which they were added does not matter, and nothing is removed because of something
that was removed itself.

In memory: about 60 bytes a document, and some six times the keys that are looked at together:
``memory`` bytes at most, or one part of those on disk. On disk: 8 bytes a word, and some 400 bytes
a document for keys beyond ``memory``.
"""

from __future__ import annotations

import hashlib
import itertools
import shutil
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from tsdg.corpus.near_keys import Places, Words, document_keys, mix
from tsdg.corpus.near_pairs import NUMBER, Documents, near_pairs
from tsdg.storage import remove_scratch, storage, write_fully
from tsdg.text import normalise, tokens

_BATCH = 200_000
"""Words that are turned into keys at once."""
_PARTS = 64
_BEFORE = 4
"""Candidates of a document in a group of equal keys: the first, and this many before it."""
_KEY = np.dtype([("key", np.uint64), ("document", np.uint32)])


class NearDuplicates:
    """Collects documents, then finds those to remove. A context: its files go when it ends."""

    def __init__(self, *, threshold: float, scratch: Path, memory: int = 64 << 20) -> None:
        """Start empty.

        Args:
            threshold: share of words that near documents have in common, 0.5 to 1.
            scratch: a folder of its own, which is made and removed.
            memory: bytes of keys that are held before they go to disk.

        Raises:
            StorageError: the folder cannot be made.
        """
        self._threshold, self._scratch, self._memory = threshold, scratch, memory
        shutil.rmtree(scratch, ignore_errors=True)
        with storage("create the directory", scratch):
            scratch.mkdir(parents=True)
            self._words = (scratch / "words").open("wb", buffering=0)
        self._hashes = _Hashes()
        self._sources: list[str] = []
        self._pending = array("Q")
        self._cores = array("Q")
        self._shape: list[tuple[int, int]] = []
        self._names: list[bytes] = []
        self._ranks: list[tuple[int, float]] = []
        self._columns: list[tuple[Places, Places]] = []
        self._known: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        self._keys: list[np.ndarray] = []
        self._held = 0
        self._spilled = False

    @property
    def documents(self) -> int:
        """Documents added so far."""
        return len(self._names) + sum(len(names) for names, _, _ in self._known)

    def add(
        self,
        name: str,
        *,
        question: str,
        context: str,
        options: Sequence[str],
        core: str = "",
        source: str = "",
        agreement: float = 0.0,
    ) -> None:
        """Add a document.

        Args:
            name: its id.
            question: its question.
            context: its passage; empty for none.
            options: in any order.
            core: words that it must have in common with what it is near to, e.g. a short answer;
                empty for none.
            source: what it comes from, e.g. ``seed``: such a document stays in any case. Empty for
                one that may go.
            agreement: the higher, the sooner it stays.
        """
        asked = [self._hashes[word] for word in tokens(question)]
        told = itertools.chain(*map(tokens, sorted(map(normalise, options))), tokens(context))
        given = [self._hashes[word] for word in told]
        if source and source not in self._sources:
            self._sources.append(source)
        self._cores.append(self._hashes[normalise(core)] if core else 0)
        self._pending.extend(asked or (0,))
        self._pending.extend(given)
        self._shape.append((len(asked) or 1, len(given)))
        self._names.append(name.encode())
        self._ranks.append((self._sources.index(source) if source else -1, agreement))
        if len(self._pending) >= _BATCH:
            self._flush()

    def _flush(self) -> None:
        flat = np.frombuffer(self._pending, np.uint64)
        asked, given = np.array(self._shape, dtype=np.int64).T
        lengths = asked + given
        first = self.documents - len(self._names)
        keys, owners = document_keys(flat, lengths)
        keys = mix(keys ^ np.frombuffer(self._cores, np.uint64)[owners])
        batch = np.empty(len(keys), _KEY)
        batch["key"], batch["document"] = keys, owners + first
        with storage("write", self._scratch):
            write_fully(self._words.fileno(), flat.tobytes())
        sources, agreements = np.array(self._ranks).T
        self._known.append(
            (np.array(self._names), sources.astype(np.int16), agreements.astype(np.float32))
        )
        self._columns.append((asked, lengths))
        self._keys.append(batch)
        self._held += batch.nbytes
        if self._held > self._memory:
            self._spill()
        self._pending, self._cores = array("Q"), array("Q")
        self._shape, self._names, self._ranks = [], [], []

    def _spill(self) -> None:
        """Append the keys held in memory to the files of their parts."""
        batch = np.concatenate(self._keys)
        part = batch["key"] >> np.uint64(64 - _PARTS.bit_length() + 1)
        order = np.argsort(part, kind="stable")
        bounds = np.searchsorted(part[order], np.arange(_PARTS + 1))
        with storage("write", self._scratch):
            for number in range(_PARTS):
                with (self._scratch / f"keys-{number:02}").open("ab") as file:
                    file.write(batch[order[bounds[number] : bounds[number + 1]]].tobytes())
        self._keys, self._held, self._spilled = [], 0, True

    def find(self) -> dict[str, tuple[str, str]]:
        """Return each document to remove, with the source and id of the one that stays.

        Raises:
            StorageError: the disk is full.
        """
        if self._pending:
            self._flush()
        if not self._known:
            return {}
        if self._spilled and self._keys:
            self._spill()
        names, sources, agreements = (
            np.concatenate(column) for column in zip(*self._known, strict=True)
        )
        asked, lengths = (np.concatenate(column) for column in zip(*self._columns, strict=True))
        flat: Words = np.memmap(self._scratch / "words", np.uint64, "r")
        documents = Documents(flat, np.cumsum(lengths) - lengths, asked, lengths)
        fixed = sources >= 0
        order = np.lexsort((names, -agreements, ~fixed))
        rank = np.empty(len(names), np.int64)
        rank[order] = np.arange(len(names))
        gone = np.full(len(names), -1, np.int64)
        changed = np.ones(len(names), bool)
        while changed.any():
            # After the first round only groups that lost a document can hold a pair that was not
            # looked at.
            pairs = [
                self._near(documents, part, rank, fixed, gone, changed) for part in self._parts()
            ]
            before = gone >= 0
            _remove(np.concatenate(pairs), order, gone)
            changed = (gone >= 0) & ~before
        return {
            names[document].decode(): (
                self._sources[sources[gone[document]]] if fixed[gone[document]] else "",
                names[gone[document]].decode(),
            )
            for document in np.flatnonzero(gone >= 0)
        }

    def _parts(self) -> Iterator[np.ndarray]:
        if not self._spilled:
            yield np.concatenate(self._keys)
            return
        for number in range(_PARTS):
            with storage("read", self._scratch):
                yield np.fromfile(self._scratch / f"keys-{number:02}", _KEY)

    def _near(
        self,
        documents: Documents,
        part: np.ndarray,
        rank: Places,
        fixed: np.ndarray,
        gone: Places,
        changed: np.ndarray,
    ) -> Places:
        """Return near pairs from one part of the keys: (rank that stays, rank that would go)."""
        # Key and rank in one number, so that one sort does for both. The key loses its last bits:
        # two keys that become one only add a pair to look at.
        bits = np.uint64(len(rank).bit_length())
        packed = np.sort(part["key"] >> bits << bits | rank[part["document"]].astype(np.uint64))
        keys, at = (
            packed >> bits,
            (packed & ((np.uint64(1) << bits) - np.uint64(1))).astype(np.int64),
        )
        starts = np.flatnonzero(np.diff(keys, prepend=~keys[:1]))
        sizes = np.diff(starts, append=len(keys))
        by_rank = np.argsort(rank)
        document = by_rank[at]
        touched = (
            np.logical_or.reduceat(changed[document], starts) if len(starts) else np.empty(0, bool)
        )
        use = np.repeat((sizes > 1) & touched, sizes) & (gone[document] < 0)
        group = np.repeat(np.arange(len(starts)), sizes)[use]
        at = at[use]
        if len(at) < 2:
            return np.empty((0, 2), np.int64)
        first = np.flatnonzero(np.diff(group, prepend=-1))
        leader = np.repeat(at[first], np.diff(first, append=len(at)))
        pairs = [np.stack([leader, at], axis=1)]
        for back in range(1, _BEFORE + 1):
            same = group[back:] == group[:-back]
            pairs.append(np.stack([at[:-back][same], at[back:][same]], axis=1))
        found = np.concatenate(pairs)
        found = found[(found[:, 0] < found[:, 1]) & ~fixed[by_rank[found[:, 1]]]]
        packed = np.unique(found[:, 0] << np.int64(32) | found[:, 1])
        stays, goes = packed >> np.int64(32), packed & np.int64(0xFFFFFFFF)
        near = near_pairs(documents, by_rank[stays], by_rank[goes], self._threshold)
        return np.stack([stays[near], goes[near]], axis=1)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._words.close()
        remove_scratch(self._scratch)


def _remove(pairs: Places, order: Places, gone: Places) -> None:
    """In rank order, remove what is near one that stays; note in ``gone`` which that is."""
    for stays, goes in pairs[np.lexsort((pairs[:, 0], pairs[:, 1]))]:
        if gone[order[goes]] < 0 and gone[order[stays]] < 0:
            gone[order[goes]] = order[stays]


class _Hashes(dict[str, int]):
    """Word → 64-bit hash, whose last bit says if it has a digit; emptied when too large."""

    def __missing__(self, word: str) -> int:
        if len(self) > 1_000_000:
            self.clear()
        value = int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "little")
        number = any(char.isdigit() for char in word)
        found = self[word] = value | 1 if number else value & ~int(NUMBER)
        return found
