"""Keys that near-duplicates share, computed for many documents at once with NumPy.

A document is a run of 64-bit token hashes in one flat array. Two kinds of key:

- **deletion keys**, of documents of up to ``SHORT`` tokens: the document, and the document without
  its i-th token, for each i. Two short documents that differ by one replaced, inserted or deleted
  token share one always, by no chance.
- **band keys**: MinHash over pairs of neighbouring tokens, 20 bands of 3. Two documents of which a
  share *s* of the pairs is common share a band with probability ``1 - (1 - s³)²⁰``: 0.9998 at 0.7,
  0.93 at 0.5, 0.02 at 0.1. A longer document with one word changed has *s* of 0.85 and more, where
  one pair in 100 million is missed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]
Places = NDArray[np.int64]

SHORT = 24
BANDS, ROWS = 20, 3
_BASE = np.uint64(0x9E3779B97F4A7C15)
_INVERSE = np.uint64(pow(int(_BASE), -1, 1 << 64))


def mix(values: Words) -> Words:
    """Scatter bits (SplitMix64's finaliser), so that keys can be partitioned by value."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


_FACTORS = mix(np.arange(1, BANDS * ROWS + 1, dtype=np.uint64)) | np.uint64(1)


def document_keys(flat: Words, lengths: Places) -> tuple[Words, Places]:
    """Return all keys of a batch of documents, and the number of the document that each belongs to.

    Args:
        flat: the token hashes of all documents, one after the other.
        lengths: tokens of each document, at least 1.
    """
    starts = np.cumsum(lengths) - lengths
    keys, owners = zip(
        _deletion_keys(flat, lengths, starts), _band_keys(flat, lengths, starts), strict=True
    )
    return np.concatenate(keys), np.concatenate(owners)


def _deletion_keys(flat: Words, lengths: Places, starts: Places) -> tuple[Words, Places]:
    documents = np.flatnonzero(lengths <= SHORT)
    if not len(documents):
        return np.empty(0, np.uint64), np.empty(0, np.int64)
    sizes = lengths[documents]
    owners = np.repeat(documents, sizes)
    first = np.cumsum(sizes) - sizes
    inside = np.arange(sizes.sum()) - np.repeat(first, sizes)
    # A document's polynomial, sum of token i times base^i; all arithmetic is modulo 2^64.
    terms = flat[np.repeat(starts[documents], sizes) + inside] * _powers()[inside]
    running = np.cumsum(terms)
    before = np.where(first > 0, running[first - 1], np.uint64(0))
    upto = running - np.repeat(before, sizes)
    whole = running[first + sizes - 1] - before
    # Without token i what follows it moves one place to the front.
    without = (upto - terms) + (np.repeat(whole, sizes) - upto) * _INVERSE
    return mix(np.concatenate([whole, without])), np.concatenate([documents, owners])


def _powers() -> Words:
    powers = np.full(SHORT, _BASE)
    powers[0] = 1
    return np.cumprod(powers, dtype=np.uint64)


def _band_keys(flat: Words, lengths: Places, starts: Places) -> tuple[Words, Places]:
    # Each token with the next one of its document; the last one alone, with the first: nothing is
    # out of range.
    following = np.arange(1, len(flat) + 1)
    ends = starts + lengths - 1
    following[ends] = starts
    pairs = mix(flat * _BASE + flat[following])
    documents = np.arange(len(lengths))
    bands = []
    for band in range(BANDS):
        key = np.full(len(lengths), band, np.uint64)
        for factor in _FACTORS[band * ROWS : (band + 1) * ROWS]:
            key = mix(key * _BASE + np.minimum.reduceat(pairs * factor, starts))
        bands.append(key)
    return np.concatenate(bands), np.tile(documents, BANDS)
