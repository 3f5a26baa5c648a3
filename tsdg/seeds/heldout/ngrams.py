"""Hashes of the runs of words (n-grams) of many texts at once, by NumPy.

A run is a number of words in a row, without the spaces between them. So *ice cream* and *icecream*
differ only in where their runs begin. Scripts without spaces are counted by characters. A run that
begins with a Chinese or Japanese character is half as long again. One that begins with a Thai, Lao,
Burmese, Khmer or Tibetan character is three times as long, because words of these alphabets have
four or five characters. So 8 words are 12 or 24 characters.

All texts lie in one array of code points. The hash of a stretch of it is a difference of two prefix
sums (Karp and Rabin's fingerprint, modulo 2^64), so a run costs the same however long it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

U64 = np.ndarray[Any, np.dtype[np.uint64]]
Ints = np.ndarray[Any, np.dtype[np.int64]]

LONGEST = 1_000_000
"""Characters of a text that are looked at, so that memory is bounded."""

_BASE = 0x9E3779B97F4A7C15
_INVERSE = pow(_BASE, -1, 1 << 64)
_SPACE = 32
# First code points of ranges, and the script class from there on: 0 spaced, 1 ideographs and kana,
# 2 alphabets.
_RANGES = (
    (0x0E00, 2),
    (0x1000, 2),
    (0x10A0, 0),
    (0x1780, 2),
    (0x1800, 0),
    (0x2E80, 1),
    (0x2FE0, 0),
    (0x3041, 1),
    (0x3100, 0),
    (0x31F0, 1),
    (0x3200, 0),
    (0x3400, 1),
    (0x4DC0, 0),
    (0x4E00, 1),
    (0xA000, 0),
    (0xF900, 1),
    (0xFB00, 0),
    (0x20000, 1),
    (0x40000, 0),
)
_BOUNDS = np.array([first for first, _ in _RANGES], np.uint32)
_CLASSES = np.array([0, *(script for _, script in _RANGES)], np.uint8)


class _Powers:
    """The powers of the base and of its inverse, as many as the longest array so far needed."""

    def __init__(self) -> None:
        self._up, self._down = self._table(_BASE, 1024), self._table(_INVERSE, 1024)

    @staticmethod
    def _table(base: int, count: int) -> U64:
        table = np.full(count, base, np.uint64)
        table[0] = 1
        return np.multiply.accumulate(table)

    def __call__(self, count: int) -> tuple[U64, U64]:
        if count > len(self._up):
            size = max(count, 2 * len(self._up))
            self._up, self._down = self._table(_BASE, size), self._table(_INVERSE, size)
        return self._up, self._down


_POWERS = _Powers()


def scatter(values: U64) -> U64:
    """Spread values over all 64 bits (the finaliser of SplitMix64)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


_TABLED = 1 << 16
_LETTERS = scatter(np.arange(1, _TABLED + 1, dtype=np.uint64))


def _letters(codes: np.ndarray[Any, np.dtype[np.uint32]]) -> U64:
    """The value of each code point in a hash."""
    if codes.size and codes.max() >= _TABLED:
        return scatter(codes.astype(np.uint64) + np.uint64(1))
    letters: U64 = _LETTERS[codes]
    return letters


class Runs:
    """The runs of a batch of texts.

    Attributes:
        hashes: of the runs, 64 bits each, in the order of the texts; a run that a text repeats is
            there again.
        owners: per run, the index of its text.
        whole: per text, the hash of all of it without spaces.
        length: per text, its characters without spaces.
    """

    def __init__(self, texts: Sequence[str], size: int) -> None:
        """Hash the texts.

        Args:
            texts: normalised, with spaces between words (see :func:`tsdg.seeds.rows.keys.plain`).
            size: words of a run.
        """
        texts = [text[:LONGEST] for text in texts]
        lengths = np.fromiter(map(len, texts), np.int64, len(texts))
        codes = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), np.uint32)
        owner = np.repeat(np.arange(len(texts), dtype=np.int64), lengths)
        kept = codes != _SPACE
        script = (
            _CLASSES[np.searchsorted(_BOUNDS, codes, side="right")]
            if codes.size and codes.max() > 0xDFF
            else None
        )
        # A word begins after a space, at the text's first character, and at and after every
        # unspaced character.
        begins = np.ones(len(codes), bool)
        if len(codes) > 1:
            begins[1:] = ~kept[:-1] | (owner[1:] != owner[:-1])
        if script is not None:
            unspaced = script > 0
            begins |= unspaced
            begins[1:] |= unspaced[:-1]
        begins &= kept
        place = np.cumsum(kept)  # of a kept character, its place among the kept ones, from 1
        self._starts = np.append((place - 1)[begins], int(place[-1]) if len(place) else 0)
        self._up, self._down = _POWERS(int(self._starts[-1]) + 1)
        letters = _letters(codes[kept])
        self._sums = np.zeros(len(letters) + 1, np.uint64)
        np.cumsum(letters * self._up[: len(letters)], out=self._sums[1:])
        word_owner = owner[begins]
        self._last = np.searchsorted(
            word_owner, np.arange(len(texts)), side="right"
        )  # per text, one past its words
        self._first = np.append(0, self._last[:-1]) if len(texts) else self._last
        self.length: Ints = self._starts[self._last] - self._starts[self._first]
        self.whole: U64 = self._hash(self._starts[self._first], self._starts[self._last])
        words = np.arange(len(word_owner))
        spans = (
            np.full(len(words), size)
            if script is None
            else np.array([size, size * 3 // 2, size * 3])[script[begins]]
        )
        fits = words + spans <= self._last[word_owner]
        self.owners: Ints = word_owner[fits]
        self.hashes: U64 = self._hash(
            self._starts[words[fits]], self._starts[(words + spans)[fits]]
        )

    def _hash(self, starts: Ints, ends: Ints) -> U64:
        return scatter((self._sums[ends] - self._sums[starts]) * self._down[starts])

    def stands_in(self, text: int, whole: int, length: int) -> bool:
        """Whether a stretch of a text, from the beginning of a word on, has the given hash.

        Args:
            text: index of the text.
            whole: the hash of the other text, of its ``Runs``.
            length: the characters of the other text, of its ``Runs``.
        """
        starts = self._starts[self._first[text] : self._last[text]]
        starts = starts[starts + length <= self._starts[self._last[text]]]
        return bool((self._hash(starts, starts + length) == np.uint64(whole)).any())
