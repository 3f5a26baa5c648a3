"""When two generated questions are the same item.

Two questions are the same item where their question, context and set of options agree after
normalisation: the order of options, case, punctuation and encoding do not count.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from tsdg.text import normalise


def item_digest(question: str, context: str, options: Sequence[str]) -> int:
    """Return 64 bits that two equal items share, never 0.

    Among five million different items, the chance that any two share them is one in a million.
    """
    parts = [
        normalise(question),
        normalise(context),
        *sorted(normalise(option) for option in options),
    ]
    # The unit separator is a control character: normalisation has left none in the parts.
    raw = hashlib.blake2b("\x1f".join(parts).encode(), digest_size=8).digest()
    return int.from_bytes(raw, "little") or 1
