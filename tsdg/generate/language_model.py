"""py3langid's model, with all of a text's bytes looked up at once.

It is slow to import, and so imported only by who needs it.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from py3langid.langid import LanguageIdentifier

_DEEPEST = 6
"""Bytes of the longest feature: what is met at a byte depends on so many bytes and no more."""


class Identifier(LanguageIdentifier):  # type: ignore[misc]
    """Walks through the model from the start of each run of six bytes, all of them at once.

    The state after a byte is that of the longest feature's beginning that ends there. So the
    features are the same in the same order as in one walk through the whole text, and the result is
    the same to the last bit, in a fraction of the time.
    """

    __slots__ = ("_idle", "_moves", "_output", "_rows", "_weights")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._moves = np.asarray(self.tk_nextmove)
        self._rows = np.asarray(self._rowbase, dtype=np.intp)
        self._output = np.asarray(self.tk_output, dtype=np.intp)
        self._idle = bytes([int(np.argmin(self._moves[self._rows[0] :][:256]))])
        """A byte that no feature begins with."""
        # The model's half precision would be widened for each text.
        self._weights = np.asarray(self.nb_ptc, dtype=np.float32)

    def _raw_score(self, text: bytes) -> Any:
        padded = np.frombuffer(self._idle * (_DEEPEST - 1) + text, dtype=np.uint8)
        state = np.zeros(len(text), dtype=np.intp)
        for start in range(_DEEPEST):
            state = self._moves[self._rows[state] + padded[start : start + len(text)]]
        features = self._output[state]
        features = features[features >= 0]
        if not features.size:
            return super()._raw_score(text)
        counts = Counter(features.tolist())  # in the order in which they were met first
        met = np.fromiter(counts.keys(), dtype=np.intp, count=len(counts))
        times = np.fromiter(counts.values(), dtype=np.float32, count=len(counts))
        return np.log1p(times) @ self._weights[met] + self.nb_pc
