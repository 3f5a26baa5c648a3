"""The differences between two snapshots, for a person or as JSON."""

from __future__ import annotations

import difflib
import json
from collections.abc import Sequence
from dataclasses import asdict

from tsdg.config.snapshot_diff import ABSENT, Difference
from tsdg.errors import shown

SHOWN = 20
"""Lines of one part."""


def print_differences(found: Sequence[Difference], *, as_json: bool) -> None:
    """Print the differences, first those that make them different runs."""
    if as_json:
        print(json.dumps([asdict(item) for item in found], indent=1, ensure_ascii=False))
        return
    if not found:
        print("the snapshots say the same")
        return
    apart = sum(item.identity for item in found)
    print(
        f"different runs: rows depend on {apart} of {len(found)}"
        if apart
        else "the same: no row depends on it"
    )
    for part in dict.fromkeys(item.part for item in found):
        print(f"\n{part}:")
        _print_part([item for item in found if item.part == part])


def _print_part(found: Sequence[Difference]) -> None:
    for item in sorted(found, key=lambda item: not item.identity)[:SHOWN]:
        _print_one(item)
    if len(found) > SHOWN:
        print(f"    and {len(found) - SHOWN} more; --json lists them all")


def _print_one(item: Difference) -> None:
    mark = "!" if item.identity else " "
    if item.part == "code" and ABSENT not in (item.left, item.right):
        print(shown(f"  {mark} {item.key} differs"))
    elif isinstance(item.left, str) and "\n" in item.left and isinstance(item.right, str):
        print(shown(f"  {mark} {item.key}:"))
        lines = difflib.unified_diff(
            item.left.splitlines(), item.right.splitlines(), lineterm="", n=1
        )
        for line in list(lines)[2:]:
            print(shown(f"      {line}"))
    else:
        print(shown(f"  {mark} {item.key}: {_short(item.left)} → {_short(item.right)}"))


def _short(value: object) -> str:
    text = value if value == ABSENT else json.dumps(value, ensure_ascii=False)
    return f"{text[:100]}…" if len(str(text)) > 100 else str(text)
