"""The report of one run: figures and rows in one HTML file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tsdg.amounts import duration
from tsdg.package.manifest import read_manifest
from tsdg.package.report import charts
from tsdg.package.report.browse import browse
from tsdg.package.report.facts import facts_of
from tsdg.storage import write_whole

if TYPE_CHECKING:
    from jinja2 import Environment

REPORT = "report.html"
STATIC = Path(__file__).parent / "static"
SAMPLE = 300
"""Questions to read in a report, about, where nobody says otherwise."""


def write_report(run: Path, *, sample: int = SAMPLE) -> Path:
    """Write ``report.html`` of a finished run.

    Args:
        run: the run directory.
        sample: about how many questions to show for reading.

    Raises:
        VerificationError: the run is not finished, or damaged.
        StorageError: the report cannot be written.
    """
    manifest = read_manifest(run)
    rows = browse(run, manifest, sample=sample)
    write_whole(run / REPORT, page(facts_of(run, manifest), rows).encode())
    return run / REPORT


@cache
def environment() -> Environment:
    """What renders the pages: everything is escaped, and nothing may be undefined."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader(STATIC),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=True,
    )
    made.filters["short"] = charts.short
    made.filters["duration"] = duration
    return made


def style() -> str:
    """The style of all pages."""
    return (STATIC / "report.css").read_text(encoding="utf-8")


def page(facts: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> str:
    """Render the report."""
    data = json.dumps(list(rows), ensure_ascii=False, separators=(",", ":"))
    return (
        environment()
        .get_template("report.html.j2")
        .render(
            f=facts,
            style=style(),
            script=(STATIC / "report.js").read_text(encoding="utf-8"),
            # Inside a script element only "</" and "<!--" could end or comment it: no "<" is left
            # in the data.
            data=data.replace("<", "\\u003c")
            .replace("\u2028", "\\u2028")
            .replace("\u2029", "\\u2029"),
            shown=len(rows),
            tokens=charts.bars(facts["tokens"], label="Tokens of a record", bound=charts.short),
            agreement=charts.bars(
                facts["agreement"], label="Share of votes of the answer", bound="{:.0%}".format
            ),
            throughput=_line(facts, "tokens_per_s", "Tokens per second, all workers"),
            in_flight=_line(facts, "in_flight", "Requests in flight, all workers"),
        )
    )


def _line(facts: Mapping[str, Any], series: str, label: str) -> str:
    history = facts["history"]
    return (
        charts.line(history[series], label=label, seconds=history["seconds"])
        if history[series]
        else ""
    )
