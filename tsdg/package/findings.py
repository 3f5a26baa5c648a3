"""What ``tsdg verify`` reports."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is not as it should be."""

    path: str
    """File, relative to the run directory; of the manifest with the place in it: ``manifest.json:
    totals.records``."""
    what: str
    found: str
    expected: str

    def __str__(self) -> str:
        """One line."""
        return f"{self.path}: {self.what}: found {self.found}, expected {self.expected}"
