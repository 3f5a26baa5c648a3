"""Prints a comparison of two evaluations."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from tsdg.errors import shown
from tsdg.mixture.compare import Change, Comparison
from tsdg.mixture.significance import level_of
from tsdg.views.grid import Column, numbers, print_table

_COLUMNS = (
    Column(name="", left=True),
    *numbers("tasks", drop=4),
    *numbers("before", drop=2),
    *numbers("after"),
    *numbers("change"),
    *numbers("s.e.", drop=1),
    *numbers("sees", drop=3),
    Column(name="verdict", left=True),
)


def print_comparison(comparison: Comparison, z: float) -> None:
    """Print groups and benchmarks, their change and whether it is more than noise.

    Args:
        comparison: the two evaluations.
        z: standard errors within which a single change is noise.
    """
    rows: list[tuple[str, ...]] = []
    strong = []
    for group in comparison.groups:
        strong.append(len(rows))
        rows.append(_row(group))
        rows += [_row(task, indent="  ") for task in comparison.tasks if task.group == group.name]
    print_table(_COLUMNS, rows, strong=strong)
    for line in notes(comparison, z):
        print(shown(line))


def _row(one: Change, indent: str = "") -> tuple[str, ...]:
    return (
        indent + one.name,
        "" if indent and one.tasks == 1 else str(one.tasks),
        f"{one.before:.2f}",
        f"{one.after:.2f}",
        f"{one.change:+.2f}",
        "unknown" if one.stderr is None else f"{one.stderr:.2f}",
        "" if one.sees is None else f"{one.sees:.2f}",
        one.verdict,
    )


def notes(comparison: Comparison, z: float) -> Iterator[str]:
    """The lines below the table: units, errors, comparisons, metrics, what was not compared."""
    tasks, groups = (
        sum(one.stderr is not None for one in changes)
        for changes in (comparison.tasks, comparison.groups)
    )
    yield (
        "points of 100; s.e.: standard error of the change; sees: the smallest true fall that such "
        "a comparison finds in 8 of 10 cases"
    )
    yield (
        f"{tasks} comparisons of benchmarks and {groups} of groups; by Holm's rule, all verdicts "
        f"of a kind hold together at a level of {level_of(z):.0%}"
    )
    paired = [one.name for one in comparison.tasks if one.paired]
    yield (
        f"errors of pairs of items: {_some(paired)}"
        if paired
        else "errors of independent draws, as no scores of the same items are on both sides; "
        "lm-eval keeps them with --log_samples, and much smaller falls can then be seen"
    )
    lower = [one.name for one in comparison.tasks if one.gain != one.change]
    if lower:
        yield f"lower is better: {', '.join(lower)}"
    by_metric = defaultdict(list)
    for one in comparison.tasks:
        by_metric[one.metric].append(one.name)
    for metric, names in by_metric.items():
        yield f"scored by {metric}: {_some(names)}"
    for side, model in zip(("before", "after"), comparison.models, strict=True):
        if model:
            yield f"{side}: {model}"
    for said in comparison.differing:
        yield f"NOT ALIKE: {said}"
    for where, only in (("before", comparison.only_before), ("after", comparison.only_after)):
        if only:
            yield f"only {where}: {', '.join(only)}"


def _some(names: Sequence[str]) -> str:
    return (
        ", ".join(names) if len(names) <= 6 else f"{', '.join(names[:5])} and {len(names) - 5} more"
    )
