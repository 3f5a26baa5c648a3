"""What changed between two evaluations, per task and group, beyond noise. Pure.

The change of a task has the standard error ``sqrt(before² + after²)``: the two evaluations are
taken as independent draws, which overstates the error where both answered the same items, and so
never calls noise a regression. A group's value is the mean over its tasks, its standard error
``sqrt(Σ error²) / n``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from tsdg.config.comparison import CompareConfig
from tsdg.errors import UsageError
from tsdg.mixture.results import Score

OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What became of one task or group, in points of 100."""

    name: str
    group: str
    tasks: int
    """1 for a task."""
    before: float
    after: float
    change: float
    """Positive is better, also where lower values are."""
    stderr: float | None
    """Of the change; None where a standard error is missing."""

    def verdict(self, z: float) -> str:
        """``better``, ``worse``, ``noise``, or ``unknown`` without a standard error."""
        if self.stderr is None:
            return "unknown"
        if abs(self.change) <= z * self.stderr:
            return "noise"
        return "better" if self.change > 0 else "worse"


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two evaluations side by side."""

    tasks: tuple[Change, ...]
    groups: tuple[Change, ...]
    """In the order of the configuration; tasks of no group come last, as ``other``."""
    only_before: tuple[str, ...]
    only_after: tuple[str, ...]
    broken: tuple[str, ...]
    """One sentence for each retention rule that does not hold."""


def compare(
    before: Mapping[str, Score], after: Mapping[str, Score], config: CompareConfig
) -> Comparison:
    """Compare the tasks that both evaluations have, by the same metric.

    Raises:
        UsageError: a rule names no group, they have no task in common, or a task was scored by
            different metrics.
    """
    for name in config.rules:
        if name not in (*config.groups, OTHER):
            allowed = ", ".join((*config.groups, OTHER))
            raise UsageError(f"tsdg compare: rules names group {name!r}; allowed: {allowed}")
    common = sorted(set(before) & set(after))
    if not common:
        raise UsageError("tsdg compare: the two evaluations have no task in common")
    tasks = tuple(_change(task, before[task], after[task], config) for task in common)
    groups = tuple(
        _mean(group, members)
        for group in (*config.groups, OTHER)
        if (members := [task for task in tasks if task.group == group])
    )
    return Comparison(
        tasks=tasks,
        groups=groups,
        only_before=tuple(sorted(set(before) - set(after))),
        only_after=tuple(sorted(set(after) - set(before))),
        broken=_broken(groups, config),
    )


def _change(task: str, before: Score, after: Score, config: CompareConfig) -> Change:
    if before.metric != after.metric:
        raise UsageError(
            f"tsdg compare: task {task} was scored by {before.metric} before and by {after.metric} "
            "after; choose one "
            "that both have with metrics=[...]"
        )
    group = next(
        (name for name, patterns in config.groups.items() if _matches(task, patterns)), OTHER
    )
    change = after.value - before.value
    errors = (before.stderr, after.stderr)
    return Change(
        name=task,
        group=group,
        tasks=1,
        before=before.value,
        after=after.value,
        change=change if before.higher_is_better else -change,
        stderr=math.hypot(*(error for error in errors if error is not None))
        if None not in errors
        else None,
    )


def _matches(task: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(task, pattern) for pattern in patterns)


def _mean(group: str, members: Sequence[Change]) -> Change:
    n = len(members)
    errors = [member.stderr for member in members if member.stderr is not None]
    return Change(
        name=group,
        group=group,
        tasks=n,
        before=math.fsum(member.before for member in members) / n,
        after=math.fsum(member.after for member in members) / n,
        change=math.fsum(member.change for member in members) / n,
        stderr=math.hypot(*errors) / n if len(errors) == n else None,
    )


def _broken(groups: Sequence[Change], config: CompareConfig) -> tuple[str, ...]:
    by_name = {group.name: group for group in groups}
    found = []
    for name, rule in config.rules.items():
        group = by_name.get(name)
        if group is None:
            found.append(
                f"{name}: the rule cannot be checked, no task of the group is in both evaluations"
            )
        elif rule == "any":
            if group.verdict(config.z) in ("worse", "unknown") and group.change < 0:
                found.append(
                    f"{name}: fell by {-group.change:.2f}, no fall beyond noise is accepted"
                )
        elif -group.change > rule:
            found.append(f"{name}: fell by {-group.change:.2f}, at most {rule:g} is accepted")
    return tuple(found)
