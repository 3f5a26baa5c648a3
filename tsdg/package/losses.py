"""What a run lost on the way to its servers and back: rows rejected for no fault of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tsdg.package.manifest_form import Lost, Manifest

TRANSPORT = "request_failed"
"""The reason of a row whose request no server answered."""


def lost_of(totals: Mapping[str, Any], rejected: Mapping[str, int], *, allowed: float) -> Lost:
    """Count what was lost.

    Args:
        totals: the manifest's funnel of all tasks.
        rejected: rows by reason, over all stages.
        allowed: share of the questions and studies asked for that may be lost.
    """
    rows = rejected.get(TRANSPORT, 0) + totals["answers"]["unenriched"].get(TRANSPORT, 0)
    studies = totals["study"]["unusable"].get(TRANSPORT, 0)
    asked = totals["questions"]["asked"] + totals["study"]["asked"]
    share = round((rows + studies) / asked, 6) if asked else 0.0
    return {"rows": rows, "studies": studies, "asked": asked, "share": share, "allowed": allowed}


def told(manifest: Manifest) -> str:
    """Say in one line that more was lost than the recipe allows; empty where it was not."""
    lost = manifest.get("lost")
    if lost is None or lost["share"] <= lost["allowed"]:
        return ""
    studied = manifest["totals"].get("study", {}).get("asked", 0)
    what = "questions and studies" if studied else "questions"
    rows = lost["rows"] + lost.get("studies", 0)
    return (
        f"{rows} of {lost['asked']} {what} ({lost['share']:.2%}) were lost because no server "
        f"answered their requests; budget.max_lost={lost['allowed']:g} allows "
        f"{lost['allowed']:.2%}; `tsdg retry RUN` asks for them again"
    )
