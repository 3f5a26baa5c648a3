"""Prints a comparison of two evaluations."""

from __future__ import annotations

from tsdg.mixture.compare import Change, Comparison


def print_comparison(comparison: Comparison, z: float) -> None:
    """Print groups and tasks, their change and whether it is more than noise.

    Args:
        comparison: the two evaluations.
        z: standard errors within which a change is noise.
    """
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for column in ("", "tasks", "before", "after", "change", "s.e.", "verdict"):
        table.add_column(
            column, justify="left" if column in ("", "verdict") else "right", overflow="fold"
        )
    for group in comparison.groups:
        table.add_row(*_row(group, z), style="bold")
        for task in comparison.tasks:
            if task.group == group.name:
                table.add_row(*_row(task, z, indent="  "))
    Console().print(table)
    print(f"points of 100; s.e.: standard error of the change; noise: within {z:g} of them")
    for where, names in (("before", comparison.only_before), ("after", comparison.only_after)):
        if names:
            print(f"only {where}: {', '.join(names)}")


def _row(one: Change, z: float, indent: str = "") -> tuple[str, ...]:
    error = "unknown" if one.stderr is None else f"{one.stderr:.2f}"
    count = "" if indent else str(one.tasks)
    return (
        indent + one.name,
        count,
        f"{one.before:.2f}",
        f"{one.after:.2f}",
        f"{one.change:+.2f}",
        error,
        one.verdict(z),
    )
