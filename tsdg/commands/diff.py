"""``tsdg diff``: what differs between the snapshots of two runs."""

from __future__ import annotations

from pathlib import Path

from tsdg.errors import UsageError


def main(arguments: list[str]) -> int:
    """Print the differences; returns 1 where there are any, as ``diff`` does."""
    from tsdg.config.snapshot_diff import compare_snapshots
    from tsdg.views.diff import print_differences

    words = [word for word in arguments if word != "--json"]
    if len(words) != 2 or any(word.startswith("-") or not word for word in words):
        raise UsageError("tsdg diff takes two run directories: tsdg diff RUN RUN [--json]")
    found = compare_snapshots(Path(words[0]), Path(words[1]))
    print_differences(found, as_json="--json" in arguments)
    return 1 if found else 0
