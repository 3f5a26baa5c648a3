"""Prints the checks of `tsdg doctor`."""

from __future__ import annotations

from collections.abc import Sequence

from tsdg.errors import shown
from tsdg.launch.check import Check


def print_checks(checks: Sequence[Check]) -> None:
    """Print one line per check."""
    for check in checks:
        print(f"{check.verdict:11}  {check.name}: {shown(check.said)}")
