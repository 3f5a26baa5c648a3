"""Pure: small SVG charts that take their colours from the page's style."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape

from tsdg.amounts import duration

WIDTH, HEIGHT = 560, 170
_LEFT, _BOTTOM, _TOP = 52, 24, 12


def bars(histogram: Sequence[Sequence[float]], *, label: str, bound: Callable[[float], str]) -> str:
    """A histogram of (from, to, count); every third bar's bound stands below it."""
    most = max((bar[2] for bar in histogram), default=0) or 1
    step = (WIDTH - _LEFT) / max(len(histogram), 1)
    full = HEIGHT - _BOTTOM - _TOP
    parts = []
    for place, (low, high, count) in enumerate(histogram):
        tall = full * count / most
        x, y = _LEFT + place * step, _TOP + full - tall
        title = f"{bound(low)} to {bound(high)}: {int(count):,}"
        parts.append(
            f'<rect class="bar" x="{x + 1:.1f}" y="{y:.1f}" width="{max(step - 2, 1):.1f}" '
            f'height="{tall:.1f}">'
            f"<title>{escape(title)}</title></rect>"
        )
        if place % 3 == 0:
            parts.append(f'<text x="{x:.1f}" y="{HEIGHT - 8}">{escape(bound(low))}</text>')
    return _svg(parts + _axis(most), label)


def line(values: Sequence[float], *, label: str, seconds: float) -> str:
    """A line of evenly spaced values over ``seconds``."""
    most = max(values, default=0.0) or 1.0
    full, step = HEIGHT - _BOTTOM - _TOP, (WIDTH - _LEFT) / max(len(values) - 1, 1)
    points = " ".join(
        f"{_LEFT + i * step:.1f},{_TOP + full * (1 - value / most):.1f}"
        for i, value in enumerate(values)
    )
    room = 0.9 * (WIDTH - _LEFT)
    times = [
        f'<text x="{_LEFT + part * room:.1f}" y="{HEIGHT - 8}">'
        f"{escape(duration(part * seconds))}</text>"
        for part in (0.0, 0.5, 1.0)
    ]
    return _svg([f'<polyline class="line" points="{points}"/>', *times, *_axis(most)], label)


def short(number: float) -> str:
    """A number for an axis: ``950``, ``12k``, ``3.4M``."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(number) >= size:
            return f"{number / size:.3g}{unit}"
    return f"{number:.3g}"


def _axis(most: float) -> list[str]:
    base = HEIGHT - _BOTTOM
    return [
        f'<line class="axis" x1="{_LEFT}" y1="{base}" x2="{WIDTH}" y2="{base}"/>',
        f'<text x="{_LEFT - 6}" y="{_TOP + 8}" text-anchor="end">{short(most)}</text>',
        f'<text x="{_LEFT - 6}" y="{base}" text-anchor="end">0</text>',
    ]


def _svg(parts: Sequence[str], label: str) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(label)}">'
        f"<title>{escape(label)}</title>{''.join(parts)}</svg>"
    )
