"""A set of 64-bit hashes that takes about 12 bytes an entry, where Python's own takes about 70."""

from __future__ import annotations

from array import array

_SHARDS = 256
_FULL = 0.8
"""Share of a shard's slots from which it grows, by half."""


class HashSet:
    """A set of hashes in many small open-addressing arrays; growing copies one at a time."""

    def __init__(self) -> None:
        self._slots = [array("Q", bytes(8 * 8)) for _ in range(_SHARDS)]
        self._counts = [0] * _SHARDS

    def __len__(self) -> int:
        return sum(self._counts)

    def add(self, value: int) -> bool:
        """Add a hash.

        Returns:
            Whether it is new.
        """
        value = value or 1  # 0 marks a free slot
        shard = value % _SHARDS
        slots = self._slots[shard]
        if not _put(slots, value):
            return False
        self._counts[shard] += 1
        if self._counts[shard] > _FULL * len(slots):
            larger = array("Q", bytes(8 * (len(slots) * 3 // 2)))
            for old in slots:
                if old:
                    _put(larger, old)
            self._slots[shard] = larger
        return True


def _put(slots: array[int], value: int) -> bool:
    size = len(slots)
    place = (value // _SHARDS) % size
    while slots[place]:
        if slots[place] == value:
            return False
        place = (place + 1) % size
    slots[place] = value
    return True
