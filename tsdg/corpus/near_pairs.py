"""Whether two documents are near, for many pairs at once.

A document has two parts, its question and the rest (options and passage). Both must be near: they
differ in at most one word, or in at most the share of words that the threshold leaves; parts of
fewer than five words must be the same. The words of a question count in order, those of the rest in
any order (options are a set). Where both have a number that the other lacks, they are two questions
("3 apples" and "5 apples").
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tsdg.corpus.near_keys import Places, Words, mix
from tsdg.text import edits_within

FEWEST = 5
"""Words of the shortest part in which one word may differ."""
NUMBER = np.uint64(1)
"""Bit of a token's hash that says that it is a number."""
_CHUNK = 20_000
"""Pairs that are compared at once: some 10 MB of words."""


class Documents:
    """Token hashes of all documents, on disk, and where each one's parts begin."""

    def __init__(self, flat: Words, starts: Places, questions: Places, lengths: Places) -> None:
        self.flat, self.starts, self.questions, self.lengths = flat, starts, questions, lengths

    def question(self, document: int) -> list[int]:
        """Token hashes of one document's question."""
        start = self.starts[document]
        return list(map(int, self.flat[start : start + self.questions[document]]))


def near_pairs(
    documents: Documents, left: Places, right: Places, threshold: float
) -> NDArray[np.bool_]:
    """Say for each pair whether its two documents are near."""
    found = np.zeros(len(left), bool)
    ones, others = documents.questions[left], documents.questions[right]
    rests = documents.lengths[left] - ones, documents.lengths[right] - others
    allowed = _allowed(ones, others, threshold), _allowed(*rests, threshold)
    # Lengths alone rule out most of what only shares a key by chance.
    likely = np.flatnonzero(
        (abs(ones - others) <= allowed[0]) & (abs(rests[0] - rests[1]) <= allowed[1])
    )
    for start in range(0, len(likely), _CHUNK):
        chunk = likely[start : start + _CHUNK]
        near = np.ones(len(chunk), bool)
        for part in (0, 1):
            differ, numbers = _differences(documents, left[chunk], right[chunk], part)
            near &= (differ <= allowed[part][chunk]) & ~numbers
        found[chunk[near]] = True
    for pair in np.flatnonzero(found):
        one, other = documents.question(left[pair]), documents.question(right[pair])
        found[pair] = edits_within(one, other, int(allowed[0][pair]))
    return found


def _allowed(one: Places, other: Places, threshold: float) -> Places:
    longer = np.maximum(one, other)
    by_share = np.floor((1 - threshold) * longer + 1e-9).astype(np.int64)
    return np.where(longer < FEWEST, 0, np.maximum(by_share, 1))


def _differences(
    documents: Documents, left: Places, right: Places, part: int
) -> tuple[Places, NDArray[np.bool_]]:
    """Count the longer side's words that the other lacks, and compare their numbers.

    The second value says whether each side has a number that the other lacks.
    """
    pairs, words, sides = [], [], []
    for side, chosen in enumerate((left, right)):
        sizes = (
            documents.questions[chosen]
            if part == 0
            else documents.lengths[chosen] - documents.questions[chosen]
        )
        starts = documents.starts[chosen] + (0 if part == 0 else documents.questions[chosen])
        first = np.cumsum(sizes) - sizes
        at = np.repeat(starts - first, sizes) + np.arange(sizes.sum())
        pairs.append(np.repeat(np.arange(len(chosen)), sizes))
        words.append(documents.flat[at])
        sides.append(np.full(len(at), 1 - 2 * side, np.int64))
    pair, word, side_of = np.concatenate(pairs), np.concatenate(words), np.concatenate(sides)
    empty = np.zeros(len(left), np.int64)
    if not len(pair):
        return empty, empty.astype(bool)
    keys = mix(word ^ mix(pair.astype(np.uint64)))
    order = np.argsort(keys, kind="stable")
    runs = np.flatnonzero(np.diff(keys[order], prepend=~keys[order[:1]]))
    surplus = np.add.reduceat(side_of[order], runs)
    owner, number = pair[order][runs], (word[order][runs] & NUMBER).astype(bool)
    more, less = np.maximum(surplus, 0), np.maximum(-surplus, 0)
    size = len(left)
    differ = np.maximum(np.bincount(owner, more, size), np.bincount(owner, less, size)).astype(
        np.int64
    )
    numbers = (np.bincount(owner, more * number, size) > 0) & (
        np.bincount(owner, less * number, size) > 0
    )
    return differ, numbers
