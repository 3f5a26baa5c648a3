"""The page itself: figures and rows in one HTML file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tsdg.package.manifest import read_manifest
from tsdg.package.report import charts
from tsdg.package.report.browse import browse
from tsdg.package.report.facts import facts_of
from tsdg.storage import write_whole

REPORT = "report.html"
STATIC = Path(__file__).parent / "static"
SAMPLE = 300
"""Questions to read in a report, about, where nobody says otherwise."""


def write_report(run: Path, *, sample: int = SAMPLE, beside: Sequence[Path] = ()) -> Path:
    """Write ``report.html`` of a finished run.

    Args:
        run: the run directory.
        sample: about how many questions to show for reading.
        beside: other finished runs whose totals stand beside this one's, as the points of a sweep
            do.

    Raises:
        VerificationError: a run is not finished, or damaged.
        StorageError: the report cannot be written.
    """
    manifest = read_manifest(run)
    facts = facts_of(run, manifest)
    rows = browse(run, manifest, sample=sample)
    others = [facts_of(other, read_manifest(other)) for other in beside]
    write_whole(run / REPORT, page(facts, rows, others).encode())
    return run / REPORT


def page(
    facts: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], others: Sequence[Mapping[str, Any]]
) -> str:
    """Render the page."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(STATIC),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=True,
    )
    environment.filters["short"] = charts.short
    environment.filters["duration"] = charts.duration
    data = json.dumps(list(rows), ensure_ascii=False, separators=(",", ":"))
    return environment.get_template("report.html.j2").render(
        f=facts,
        others=others,
        style=(STATIC / "report.css").read_text(encoding="utf-8"),
        script=(STATIC / "report.js").read_text(encoding="utf-8"),
        # Inside a script element only "</" and "<!--" could end or comment it: no "<" is left in
        # the data.
        data=data.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029"),
        shown=len(rows),
        tokens=charts.bars(facts["tokens"], label="Tokens of a record", bound=charts.short),
        agreement=charts.bars(
            facts["agreement"], label="Share of votes of the answer", bound="{:.0%}".format
        ),
        throughput=_line(facts, "tokens_per_s", "Tokens per second, all workers"),
        in_flight=_line(facts, "in_flight", "Requests in flight, all workers"),
    )


def _line(facts: Mapping[str, Any], series: str, label: str) -> str:
    history = facts["history"]
    return (
        charts.line(history[series], label=label, seconds=history["seconds"])
        if history[series]
        else ""
    )
