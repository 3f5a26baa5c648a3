"""Which questions of a run repeat one another, as the filter defines it.

Nothing is removed here: questions are put into groups, so that their growth can be predicted
(``growth.py``). An exact repetition is an equal item (``dedup.py``). A near one is what
near-deduplication would remove (``near.py``).
"""

from __future__ import annotations

import hashlib
import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from tsdg.corpus.dedup import item_digest
from tsdg.corpus.growth import Share, repeated_share
from tsdg.corpus.near import NearDuplicates
from tsdg.corpus.near_pass import core_of
from tsdg.hashset import HashSet

Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedItem:
    """The parts of a question or seed that decide whether it repeats another."""

    question: str
    context: str
    options: Sequence[str]
    kind: str
    """Its answer kind."""
    labels: bool
    """Whether its options are labels of a task, as yes and no are."""
    checks: Sequence[str]
    answer: str

    def core(self) -> str:
        """See :func:`tsdg.corpus.near_pass.core_of`."""
        return core_of(
            self.kind, self.question, labels=self.labels, checks=self.checks, answer=self.answer
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Groups:
    """Questions in groups; all arrays have one entry per question, in the order of adding."""

    exact: Places
    """Group of equal items: the place of its first question."""
    near: Places
    """Group of near items, equal ones among them: the place of the question that stays."""
    of_seed: NDArray[np.bool_]
    """Whether the question is near to a seed, which stays in its place."""
    seed: NDArray[np.uint64]
    """Hash of what the question was made from."""

    def of(self, chosen: NDArray[np.bool_]) -> Groups:
        """Some of the questions alone."""
        return Groups(
            exact=self.exact[chosen],
            near=self.near[chosen],
            of_seed=self.of_seed[chosen],
            seed=self.seed[chosen],
        )

    def near_share(self, at: int) -> Share:
        """Predict the share of near and exact repetitions among ``at`` questions."""
        return _predicted(self.near, self.seed, self.of_seed, at)

    def exact_share(self, at: int) -> Share:
        """Predict the share of exact repetitions among ``at`` questions."""
        return _predicted(self.exact, self.seed, np.zeros(len(self.exact), bool), at)


def _predicted(
    group: Places, seed: NDArray[np.uint64], of_seed: NDArray[np.bool_], at: int
) -> Share:
    """Predict a share.

    Two kinds of repetition are the same share of however many questions there are: of a seed, and
    of another question from the same seed. What is left is counted once a group and seed, and grows
    with the questions.
    """
    whole = len(group)
    if not whole:
        return Share(estimate=0.0, low=0.0, high=1.0 if at else 0.0)
    pairs = np.unique(np.stack([group[~of_seed], seed[~of_seed].view(np.int64)]), axis=1)
    sizes = np.unique(pairs[0], return_counts=True)[1]
    kept = pairs.shape[1] / whole
    among = repeated_share(sizes, at=round(at * kept))
    noise = 1.96 * math.sqrt(kept * (1 - kept) / whole) * max(1 - whole / at, 0.0) if at else 0.0
    return Share(
        estimate=1 - kept * (1 - among.estimate),
        low=1 - min(kept + noise, 1.0) * (1 - among.low),
        high=1 - max(kept - noise, 0.0) * (1 - among.high),
    )


class Repeats:
    """Collects seeds and questions, then puts the questions into groups. A context."""

    def __init__(self, *, threshold: float, scratch: Path) -> None:
        """Start empty.

        Args:
            threshold: as in ``filter.dedup.threshold``.
            scratch: a folder of its own, which is made and removed.

        Raises:
            StorageError: the folder cannot be made.
        """
        self._near = NearDuplicates(threshold=threshold, scratch=scratch)
        self._seen = HashSet()
        self._seeds = 0
        self._digests, self._made_from = array("Q"), array("Q")

    def add_seed(self, item: ComparedItem) -> None:
        """Add a seed: a question that is near to it repeats it."""
        self._add(f"seed{self._seeds}", item, source="seed")
        self._seeds += 1

    def add(self, item: ComparedItem, *, made_from: str) -> None:
        """Add a question.

        Args:
            item: it.
            made_from: the id of its seed; empty for a question that has none.
        """
        place = len(self._digests)
        digest = item_digest(item.question, item.context, item.options)
        self._digests.append(digest)
        raw = hashlib.blake2b((made_from or f"question{place}").encode(), digest_size=8).digest()
        self._made_from.append(int.from_bytes(raw, "little"))
        if self._seen.add(digest):
            self._add(str(place), item, source="")

    def _add(self, name: str, item: ComparedItem, *, source: str) -> None:
        self._near.add(
            name,
            question=item.question,
            context=item.context,
            options=item.options,
            core=item.core(),
            source=source,
        )

    def groups(self) -> Groups:
        """Put the questions into groups.

        Raises:
            StorageError: the disk is full.
        """
        digests = np.array(self._digests, np.uint64)
        _, first, inverse = np.unique(digests, return_index=True, return_inverse=True)
        exact = first[inverse]
        near, of_seed = np.arange(len(digests)), np.zeros(len(digests), bool)
        for gone, (source, stays) in self._near.find().items():
            near[int(gone)] = -1 if source else int(stays)
            of_seed[int(gone)] = bool(source)
        return Groups(
            exact=exact,
            near=near[exact],
            of_seed=of_seed[exact],
            seed=np.array(self._made_from, np.uint64),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._near.__exit__(kind, error, trace)
