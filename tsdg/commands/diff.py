"""``tsdg diff``: what differs between the snapshots of two runs."""

from __future__ import annotations

from pathlib import Path

from tsdg.commands.words import Words


def main(words: Words) -> int:
    """Print the differences; returns 1 where there are any, as ``diff`` does."""
    from tsdg.config.snapshot_diff import compare_snapshots
    from tsdg.views.diff import print_differences

    left, right = map(Path, words.arguments)
    found = compare_snapshots(left, right)
    print_differences(found, as_json="--json" in words.flags)
    return 1 if found else 0
