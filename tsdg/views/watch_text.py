"""``tsdg watch``: a run at work, on one screen that is drawn again in place."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

from tsdg.amounts import duration
from tsdg.errors import shown
from tsdg.run.watched import ElementView, Newest, PhaseView, Watched
from tsdg.views.grid import Column, numbers, table_lines, text_lines
from tsdg.views.status_text import failure_lines

_ELEMENTS = 12
"""Processes of a phase that are shown: those at work first."""
_REASONS = 6
_LINES_OF_TEXT = 4
"""Lines of one text of the record to read."""
_PHASES = (
    Column(name="phase", left=True),
    *numbers("rows"),
    *numbers("done"),
    *numbers("left"),
    *numbers("tokens/s"),
    *numbers("accepted"),
    *numbers("in flight", drop=1),
    *numbers("idle", drop=2),
    *numbers("units", drop=4),
    *numbers("at work", drop=3),
    *numbers("GPU-hours", drop=5),
)
_PROCESSES = (
    Column(name="element", left=True),
    Column(name="state", left=True),
    *numbers("tokens/s"),
    *numbers("in flight", drop=1),
    *numbers("idle", drop=2),
    *numbers("requests", drop=3),
    *numbers("lost", drop=4),
    *numbers("last word", drop=5),
)


def frame(seen: Watched, *, width: int | None) -> list[str]:
    """All that is shown of a run at one moment, as lines. Pure.

    Args:
        seen: the run.
        width: cells of a line; None for any.
    """
    status = seen.status
    out = [f"{status.run}: {status.state}"]
    if status.why:
        out.append(text_lines(f"  {status.why}", width=width, indent="  "))
    stages = " · ".join(f"{stage['name']} {stage['state']}" for stage in status.stages)
    out.append(text_lines(stages, width=width, indent="  "))
    out += [text_lines(f"note: {note}", width=width, indent="  ") for note in status.notes]
    out += ["", *table_lines(_PHASES, [_phase(phase) for phase in seen.phases], width=width)]
    for phase in seen.phases:
        out += _processes(phase, width)
    out += _losses(seen.phases, width)
    out += _record(seen.newest, width)
    if status.failures:
        told = (text_lines(one, width=width, indent="  ") for one in failure_lines(status.failures))
        out += ["", *told]
    return "\n".join(out).splitlines()


def _phase(phase: PhaseView) -> tuple[str, ...]:
    progress = phase.progress
    about = "" if phase.whole else "~"
    working = progress.workers.get("running", 0)
    return (
        progress.name,
        f"{progress.rows_done:,}/{progress.rows:,}" if progress.rows else "-",
        f"{100 * progress.rows_done // progress.rows} %" if progress.rows else "-",
        duration(progress.seconds_left) if progress.seconds_left else "-",
        f"{progress.tokens_per_s:,.0f}",
        f"{about}{phase.accepted / phase.asked:.0%}" if phase.asked else "-",
        f"{progress.in_flight:,}",
        "-" if phase.idle is None else f"{phase.idle:.0%}",
        f"{progress.units_committed:,}/{progress.units:,}" if progress.units else "-",
        f"{working:,}/{sum(progress.workers.values()):,}",
        f"{progress.gpu_hours:,.2f}",
    )


def _processes(phase: PhaseView, width: int | None) -> list[str]:
    """The processes of a phase that somebody works on."""
    if not any(one.state == "running" for one in phase.elements):
        return []
    rows = [_element(one) for one in phase.elements[:_ELEMENTS]]
    more = len(phase.elements) - len(rows)
    return [
        "",
        f"{phase.progress.name}, process by process",
        *table_lines(_PROCESSES, rows, width=width),
        *([f"({more:,} more, which ended or wrote earlier)"] if more else []),
    ]


def _element(one: ElementView) -> tuple[str, ...]:
    return (
        one.name,
        one.state,
        f"{one.tokens_per_s:,.0f}",
        f"{one.in_flight:,}/{one.in_flight_limit:,}",
        "-" if one.idle is None else f"{one.idle:.0%}",
        f"{one.requests:,}",
        f"{one.lost:,}",
        f"{duration(one.silent_s)} ago",
    )


def _losses(phases: Sequence[PhaseView], width: int | None) -> list[str]:
    out = []
    for phase in phases:
        parts = [f"rejected {_counts(phase.refused)}"] if phase.refused else []
        if phase.progress.failures:
            parts.append(f"requests that failed: {_counts(phase.progress.failures)}")
        if phase.progress.retries:
            parts.append(f"sent again: {_counts(phase.progress.retries)}")
        if parts:
            line = f"{phase.progress.name}: {'; '.join(parts)}"
            out.append(text_lines(line, width=width, indent="  "))
    return ["", *out] if out else []


def _counts(counts: Mapping[str, int]) -> str:
    ranked = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
    told = ", ".join(f"{reason} {count:,}" for reason, count in ranked[:_REASONS])
    return told + (f" and {len(ranked) - _REASONS} more" if len(ranked) > _REASONS else "")


def _record(newest: Newest | None, width: int | None) -> list[str]:
    """The newest accepted row; its texts are cut after some lines."""
    if newest is None:
        nothing = "no row is accepted yet: one stands here once a work unit is done"
        return ["", text_lines(nothing, width=width, indent="  ")]
    out = ["", f"newest accepted: {newest.task}"]
    parts = [
        ("context", newest.context),
        ("question", newest.question),
        *(("", f"- {option}") for option in newest.options),
        ("answer", newest.answer),
        ("because", newest.reasoning),
    ]
    for name, text in parts:
        if text:
            said = f"{name:9} {' '.join(text.split())}"
            lines = text_lines(said, width=width or 160, indent=" " * 10).splitlines()
            cut = len(lines) > _LINES_OF_TEXT
            out += [*lines[:_LINES_OF_TEXT], *([" " * 10 + "…"] if cut else [])]
    return out


def print_frame(lines: Sequence[str]) -> None:
    """Print one moment, for a pipe or a look."""
    print("\n".join(lines), flush=True)


class Screen:
    """A part of the terminal that is drawn again in place; what stood above it stays."""

    def __init__(self) -> None:
        self._drawn = 0

    def draw(self, lines: Sequence[str], *, width: int, height: int) -> None:
        """Draw lines in place of those drawn before.

        Args:
            lines: a moment; may hold colours.
            width: of the terminal.
            height: of it: what has no room is left out, and a line says so.
        """
        from rich.text import Text

        most = max(2, height - 1)
        if len(lines) > most:
            left = len(lines) - most + 1
            lines = [*lines[: most - 1], f"({left} lines more: a taller terminal, or --once)"]
        up = f"\x1b[{self._drawn}F" if self._drawn else ""
        fits = []
        for line in lines:
            text = Text.from_ansi(line)
            fits.append(line if text.cell_len <= width else _cut(text, width))
        # Each line is cleared as it is drawn, so that nothing flickers.
        body = "".join(f"{line}\x1b[K\n" for line in fits)
        sys.stdout.write(f"{up}{body}\x1b[J")
        sys.stdout.flush()
        self._drawn = len(fits)


def _cut(text: object, width: int) -> str:
    from rich.text import Text

    assert isinstance(text, Text)
    text.truncate(width, overflow="ellipsis")
    return shown(text.plain)
