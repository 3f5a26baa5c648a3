"""Random draws that are pure functions of what they are drawn for.

Nothing here holds a generator's state. A draw is a hash of its reason (run seed, row, number of the
draw). So a row that is processed again, elsewhere or in another order, makes the same requests.
"""

from __future__ import annotations

from functools import lru_cache

from tsdg.rowform import stable_id

_SEED_BITS = 31  # servers take signed 32-bit seeds


def number(*parts: object) -> int:
    """Return a whole number in [0, 2^31) for JSON-able parts."""
    return int(stable_id(*parts), 16) & ((1 << _SEED_BITS) - 1)


@lru_cache(maxsize=4096)
def permutation(size: int, *parts: object) -> tuple[int, ...]:
    """Return a permutation of ``range(size)``, drawn uniformly from hashable JSON-able parts."""
    return tuple(sorted(range(size), key=lambda index: stable_id(*parts, index)))
