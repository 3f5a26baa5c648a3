"""Hierarchical round-robin over subjects: how many rows each subject gives. Pure.

Rows are taken in turns: domain after domain, within a domain subject code after subject code,
within a code decimal after decimal. A branch that has run out is passed over. So the first rows of
physics come from 535, 536, 537, ..., and no subject dominates (after the seed selection of RQA,
NeMo Data Designer, February 2026).
"""

from __future__ import annotations

from collections.abc import Mapping

Path = tuple[str, ...]
"""A subject: domain, code, first decimal, second decimal; branches may end at different depths."""


def quotas(counts: Mapping[Path, int], total: int) -> dict[Path, int]:
    """Return how many of ``total`` rows each subject gives, as taking in turns would.

    Branches turn in sorted order.

    Args:
        counts: subject → rows that there are.
        total: rows wanted; with more than there are, all are taken.
    """
    return _share(dict(sorted(counts.items())), min(total, sum(counts.values())), depth=0)


def shared(counts: Mapping[Path, int], total: int, most: Mapping[str, int]) -> dict[Path, int]:
    """As :func:`quotas`; where ``most`` (domain → rows) is not empty, its rows of each domain.

    >>> shared({("art",): 9, ("law", "1"): 9, ("law", "2"): 9}, 100, {"law": 3})
    {('law', '1'): 2, ('law', '2'): 1}
    """
    if not most:
        return quotas(counts, total)
    out: dict[Path, int] = {}
    for domain, rows in sorted(most.items()):
        out |= quotas({path: count for path, count in counts.items() if path[0] == domain}, rows)
    return out


def _share(counts: dict[Path, int], total: int, depth: int) -> dict[Path, int]:
    branches: dict[str, dict[Path, int]] = {}
    for path, count in counts.items():
        branches.setdefault(path[depth] if depth < len(path) else "", {})[path] = count
    if len(counts) == 1:
        return dict.fromkeys(counts, total)
    parts = turns([sum(branch.values()) for branch in branches.values()], total)
    out: dict[Path, int] = {}
    for branch, part in zip(branches.values(), parts, strict=True):
        out |= _share(branch, part, depth + 1)
    return out


def turns(sizes: list[int], total: int) -> list[int]:
    """Take ``total`` items one by one in turns from piles of these sizes.

    Return how many come from each.

    >>> turns([5, 1, 9], 8)
    [4, 1, 3]
    """
    taken, left = [0] * len(sizes), min(total, sum(sizes))
    while left:
        open_piles = [i for i, size in enumerate(sizes) if taken[i] < size]
        rounds = min(min(sizes[i] - taken[i] for i in open_piles), left // len(open_piles))
        for place, i in enumerate(open_piles):
            step = rounds if rounds else int(place < left)
            taken[i] += step
        left -= rounds * len(open_piles) if rounds else left
    return taken
