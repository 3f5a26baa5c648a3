"""What changed between two evaluations, per benchmark and group, beyond noise.

A benchmark's change is that of its score, or of its subtasks weighted by their items. A group's is
the mean over its benchmarks. The standard error of a benchmark is that of pairs where both sides
kept the scores of their items (:mod:`tsdg.mixture.significance`). Benchmarks are many comparisons,
and so are groups: of each kind, those that are called better or worse hold together by Holm's rule.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Literal

from tsdg.config.comparison import CompareConfig
from tsdg.errors import UsageError, few
from tsdg.mixture.fold import Matched, match, weighted, weighted_error, weights_of
from tsdg.mixture.scores import EvaluationResult, Score
from tsdg.mixture.significance import (
    error_of_change,
    holm,
    level_of,
    p_value,
    smallest_seen,
)

OTHER = "other"
Verdict = Literal["better", "worse", "noise", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What became of one benchmark or group, in points of 100."""

    name: str
    group: str
    tasks: int
    """Of a group its benchmarks; of a benchmark its tasks."""
    metric: str
    """Empty for a group."""
    before: float
    after: float
    change: float
    """``after - before``."""
    gain: float
    """The change, positive where it is for the better; of a group the mean of its members'."""
    stderr: float | None
    """Of the change; None where a standard error is missing."""
    paired: bool
    """Whether it is that of pairs of items."""
    verdict: Verdict = "unknown"
    sees: float | None = None
    """The smallest true fall that a comparison like this one finds in 8 of 10 cases."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two evaluations side by side."""

    models: tuple[str, str]
    """Of before and after; empty where the files name none."""
    tasks: tuple[Change, ...]
    """One per benchmark."""
    groups: tuple[Change, ...]
    """In the order of the configuration; benchmarks of no group come last, as ``other``."""
    only_before: tuple[str, ...]
    only_after: tuple[str, ...]
    differing: tuple[str, ...]
    """What was not the same on both sides, one sentence per benchmark; empty unless allowed."""
    broken: tuple[str, ...]
    """One sentence for each retention rule that does not hold."""


def compare(before: EvaluationResult, after: EvaluationResult, config: CompareConfig) -> Comparison:
    """Compare the benchmarks that both evaluations have, by the same metric and settings.

    Raises:
        UsageError: a rule names no group, they have no task in common, a task was scored by
            different metrics, or under different settings that the configuration does not allow.
    """
    for name in config.rules:
        if name not in (*config.groups, OTHER):
            allowed = ", ".join((*config.groups, OTHER))
            raise UsageError(f"tsdg compare: rules names group {name!r}; allowed: {allowed}")
    matched = match(before, after, config.benchmarks)
    if not matched:
        raise UsageError("tsdg compare: the two evaluations have no task in common")
    differing = _differences(before, after, matched)
    if differing and config.differing == "refuse":
        raise UsageError(
            f"tsdg compare: the two evaluations measure different things: "
            f"{few(differing, separator='; ')}; evaluate both alike, or compare them all the same "
            "with differing=show"
        )
    changes = [_change(one, before, after, config) for one in matched]
    groups = [
        _mean(group, members)
        for group in (*config.groups, OTHER)
        if (members := [one for one in changes if one.group == group])
    ]
    judged = _judged(groups, config)
    return Comparison(
        models=(before.model, after.model),
        tasks=_judged(changes, config),
        groups=judged,
        only_before=_left(before, after, matched),
        only_after=_left(after, before, matched),
        differing=differing,
        broken=_broken(judged, config),
    )


def _left(
    one: EvaluationResult, other: EvaluationResult, matched: Sequence[Matched]
) -> tuple[str, ...]:
    """Tasks that only one side has, apart from the parts of benchmarks that are compared."""
    compared = {match.name for match in matched}
    within = {task for whole in compared for task in one.parts.get(whole, ())}
    return tuple(sorted(set(one.scores) - set(other.scores) - within - compared))


def _differences(
    before: EvaluationResult, after: EvaluationResult, matched: Sequence[Matched]
) -> tuple[str, ...]:
    """One sentence for each benchmark whose two sides had other settings."""
    said = []
    for one in matched:
        for task in one.tasks:
            first, second = before.scores[task].settings, after.scores[task].settings
            found = [
                f"{name} {first[name]} before, {second[name]} after"
                for name in first
                if name in second and first[name] != second[name]
            ]
            if found:
                more = f" (in {task})" if task != one.name else ""
                said.append(f"{one.name}: {', '.join(found)}{more}")
                break
    return tuple(said)


def _change(
    matched: Matched, before: EvaluationResult, after: EvaluationResult, config: CompareConfig
) -> Change:
    pairs = [(before.scores[task], after.scores[task]) for task in matched.tasks]
    for first, second in pairs:
        _check_metric(first, second)
    weights = weights_of([first for first, _ in pairs])
    errors = [error_of_change(first, second) for first, second in pairs]
    values = [
        weighted([score.value for score in side], weights) for side in zip(*pairs, strict=True)
    ]
    change = values[1] - values[0]
    return Change(
        name=matched.name,
        group=_group_of(matched.name, config),
        tasks=len(pairs),
        metric=pairs[0][0].metric,
        before=values[0],
        after=values[1],
        change=change,
        gain=change if pairs[0][0].higher_is_better else -change,
        stderr=weighted_error([error for error, _ in errors], weights),
        paired=all(paired for _, paired in errors),
    )


def _check_metric(before: Score, after: Score) -> None:
    if before.metric != after.metric:
        raise UsageError(
            f"tsdg compare: task {before.task} was scored by {before.metric} before and by "
            f"{after.metric} after; choose one that both have with metrics=[...]"
        )


def _group_of(name: str, config: CompareConfig) -> str:
    return next((group for group, shapes in config.groups.items() if _matches(name, shapes)), OTHER)


def _matches(task: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(task, pattern) for pattern in patterns)


def _mean(group: str, members: Sequence[Change]) -> Change:
    n = len(members)
    errors = [member.stderr for member in members]

    def mean(values: Iterable[float]) -> float:
        return math.fsum(values) / n

    return Change(
        name=group,
        group=group,
        tasks=n,
        metric="",
        before=mean(member.before for member in members),
        after=mean(member.after for member in members),
        change=mean(member.change for member in members),
        gain=mean(member.gain for member in members),
        stderr=weighted_error(errors, [1 / n] * n),
        paired=all(member.paired for member in members),
    )


def _judged(changes: Sequence[Change], config: CompareConfig) -> tuple[Change, ...]:
    """Give each change its verdict; those called better or worse hold together."""
    known = [one for one in changes if one.stderr is not None]
    sure = holm([p_value(one.gain, one.stderr or 0.0) for one in known], level_of(config.z))
    verdicts = {one.name: _verdict(one, held) for one, held in zip(known, sure, strict=True)}
    return tuple(
        replace(
            one,
            verdict=verdicts.get(one.name, "unknown"),
            sees=None if one.stderr is None else smallest_seen(one.stderr, config.z, len(known)),
        )
        for one in changes
    )


def _verdict(one: Change, held: bool) -> Verdict:
    if not held or one.gain == 0:
        return "noise"
    return "better" if one.gain > 0 else "worse"


def _broken(groups: Sequence[Change], config: CompareConfig) -> tuple[str, ...]:
    by_name = {group.name: group for group in groups}
    checks = ((name, rule, by_name.get(name)) for name, rule in config.rules.items())
    return tuple(said for check in checks if (said := _breach(*check)))


def _breach(name: str, rule: float | Literal["any"], group: Change | None) -> str:
    """How a group breaks its rule; empty where it does not."""
    if group is None:
        return f"{name}: the rule cannot be checked, no task of the group is in both evaluations"
    fell = -group.gain
    if rule == "any":
        if fell > 0 and group.verdict in ("worse", "unknown"):
            return f"{name}: fell by {fell:.2f}, no fall beyond noise is accepted"
        return ""
    return f"{name}: fell by {fell:.2f}, at most {rule:g} is accepted" if fell > rule else ""
