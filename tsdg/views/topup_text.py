"""Prints what a topup came to."""

from __future__ import annotations

from pathlib import Path

from tsdg.errors import shown
from tsdg.pipeline.topup import ToppedUp


def print_topup(done: ToppedUp, out: Path) -> None:
    """Print each target with what there is, and where it lies."""
    for task, target in done.targets.items():
        there = done.records[task]
        why = f"; {done.given_up[task]}" if task in done.given_up else ""
        print(shown(f"{task}: {there:,} of {target:,} records{why}"))
    if done.waits_for:
        print(
            f"jobs are at work on {done.waits_for}: `tsdg status {done.waits_for}` shows them; "
            "when it is complete, the same `tsdg topup` goes on"
        )
    print(f"runs: {', '.join(str(run) for run in done.runs)}")
    if done.merged is not None:
        print(f"merged: {done.merged['totals']['records']:,} records in {out}, verified")
