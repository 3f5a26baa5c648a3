"""Ids as 64-bit digests, so that millions of them fit into memory: 8 bytes an id.

Two different ids have the same digest with probability 3·10⁻⁶ among ten million.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Digests = npt.NDArray[np.uint64]
Codes = npt.NDArray[np.int32]

UNKNOWN = -1


def digests_of(ids: pa.Array) -> Digests:
    """Return one digest per id."""
    digest = hashlib.blake2b
    return np.frombuffer(
        b"".join(digest(row.encode(), digest_size=8).digest() for row in ids.to_pylist()), np.uint64
    )


class NumberedIds:
    """A growing set of ids, each with a small number (of its task, for example)."""

    def __init__(self) -> None:
        self._digests: list[Digests] = []
        self._codes: list[Codes] = []
        self._sorted: tuple[Digests, Codes] | None = None

    def add(self, digests: Digests, codes: npt.NDArray[Any] | int = 0) -> None:
        """Add ids with their numbers, or one number for all."""
        self._sorted = None
        self._digests.append(digests)
        self._codes.append(np.broadcast_to(np.asarray(codes, np.int32), digests.shape))

    def __len__(self) -> int:
        return sum(len(digests) for digests in self._digests)

    def all(self) -> Digests:
        """All digests, in ascending order."""
        return self._ordered()[0]

    def codes_of(self, digests: Digests) -> Codes:
        """Return the number of each id; ``UNKNOWN`` where it was not added."""
        known, codes = self._ordered()
        if not len(known):
            return np.full(digests.shape, UNKNOWN, np.int32)
        places = np.searchsorted(known, digests).clip(max=len(known) - 1)
        found: Codes = np.where(known[places] == digests, codes[places], np.int32(UNKNOWN))
        return found

    def repeated(self) -> Digests:
        """Return the digests that were added more than once."""
        known = self._ordered()[0]
        return np.unique(known[1:][known[1:] == known[:-1]])

    def _ordered(self) -> tuple[Digests, Codes]:
        if self._sorted is None:
            digests = np.concatenate([np.empty(0, np.uint64), *self._digests])
            codes = np.concatenate([np.empty(0, np.int32), *self._codes])
            order = np.argsort(digests, kind="stable")
            self._sorted = digests[order], codes[order]
            self._digests, self._codes = [self._sorted[0]], [self._sorted[1]]
        return self._sorted
