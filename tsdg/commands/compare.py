"""``tsdg compare``."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from tsdg.config.comparison import CompareConfig
from tsdg.config.compose import recipes_dir
from tsdg.config.words import is_value, read_words
from tsdg.errors import ShortfallError, UsageError
from tsdg.mixture.compare import Change, Comparison, compare
from tsdg.mixture.results import read_results


def main(arguments: list[str]) -> int:
    """Show what changed between two evaluations; a broken retention rule ends with exit code 1."""
    as_json = "--json" in arguments
    words = [word for word in arguments if word != "--json"]
    paths = [Path(word) for word in words if not is_value(word)]
    if len(paths) != 2 or any(word.startswith("-") for word in words):
        raise UsageError(
            "tsdg compare takes two result files or folders of lm-eval: tsdg compare BEFORE AFTER "
            "[rules={math: 0.5}]"
        )
    defaults = recipes_dir() / "compare" / "default.yaml"
    config = read_words(
        CompareConfig,
        [word for word in words if is_value(word)],
        defaults=defaults,
        command="tsdg compare",
    )
    before, after = (read_results(path, config.metrics, config.points) for path in paths)
    comparison = compare(before, after, config)
    if as_json:
        verdicts = {
            one.name: one.verdict(config.z) for one in (*comparison.groups, *comparison.tasks)
        }
        print(json.dumps({**asdict(comparison), "verdicts": verdicts}, indent=1))
    else:
        _print(comparison, config.z)
    if comparison.broken:
        raise ShortfallError(f"retention: {'; '.join(comparison.broken)}")
    return 0


def _print(comparison: Comparison, z: float) -> None:
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
