"""Pure: the subtasks of one benchmark as one score, so that it counts once in its group."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from tsdg.mixture.scores import EvaluationResult, Score


@dataclass(frozen=True, slots=True, kw_only=True)
class Matched:
    """A benchmark that both evaluations have, by the tasks that it is compared by."""

    name: str
    tasks: tuple[str, ...]
    """The benchmark's own score where both have one; else the subtasks that both have."""


def match(
    before: EvaluationResult, after: EvaluationResult, benchmarks: Mapping[str, Sequence[str]]
) -> tuple[Matched, ...]:
    """Match the benchmarks of two evaluations, by name.

    Where both have a score of the whole, that one counts; else the subtasks that both have are
    folded, so that a number does not depend on whether an evaluation wrote the sum of its parts.

    Args:
        before: one side.
        after: the other.
        benchmarks: name → patterns of the tasks that belong to it, beside what the files say.
    """
    common = frozenset(before.scores) & frozenset(after.scores)
    parts = _parts(before, after, common, benchmarks)
    taken: set[str] = set()
    matched = []
    for whole in sorted(parts, key=lambda name: (-len(parts[name]), name)):
        if whole in taken:
            continue
        members = (parts[whole] & common) - taken
        if whole in common:
            matched.append(Matched(name=whole, tasks=(whole,)))
            taken |= {whole, *parts[whole], *_within(parts, parts[whole])}
        elif len(members) > 1:
            matched.append(Matched(name=whole, tasks=tuple(sorted(members))))
            taken |= {*members, *_within(parts, parts[whole])}
    matched += [Matched(name=task, tasks=(task,)) for task in common - taken]
    return tuple(sorted(matched, key=lambda one: one.name))


def _parts(
    before: EvaluationResult,
    after: EvaluationResult,
    common: frozenset[str],
    benchmarks: Mapping[str, Sequence[str]],
) -> dict[str, frozenset[str]]:
    """Benchmark → its parts: of the configuration, and of the files where a side has its score.

    A group of a file that neither side gives a score for is a mere list of benchmarks.
    """
    found = {
        whole: frozenset(
            one for one in common if any(fnmatchcase(one, pattern) for pattern in patterns)
        )
        - {whole}
        for whole, patterns in benchmarks.items()
    }
    for whole, members in (*before.parts.items(), *after.parts.items()):
        if whole in before.scores or whole in after.scores:
            found[whole] = found.get(whole, frozenset()) | members
    return {whole: members for whole, members in found.items() if members}


def _within(parts: Mapping[str, frozenset[str]], members: frozenset[str]) -> set[str]:
    """Scores that sum up some of the members and nothing else."""
    return {whole for whole, some in parts.items() if some <= members}


def weights_of(scores: Sequence[Score]) -> list[float]:
    """The weight of each subtask: its items, or the same for all where one does not say."""
    sizes = [score.items for score in scores]
    if any(not size for size in sizes):
        return [1 / len(scores)] * len(scores)
    total = sum(size or 0 for size in sizes)
    return [(size or 0) / total for size in sizes]


def weighted(values: Sequence[float], weights: Sequence[float]) -> float:
    """The weighted mean."""
    return math.fsum(value * weight for value, weight in zip(values, weights, strict=True))


def weighted_error(errors: Sequence[float | None], weights: Sequence[float]) -> float | None:
    """The standard error of a weighted mean of independent values; None where one is unknown."""
    if any(error is None for error in errors):
        return None
    return math.hypot(
        *((error or 0.0) * weight for error, weight in zip(errors, weights, strict=True))
    )
