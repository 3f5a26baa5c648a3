"""The one table of all commands, as wide as the terminal.

Names and numbers are never folded or cut. Where the columns do not fit, those of the highest
``drop`` go first, and a line says which. Words (a reason, a licence) are cut, never a name. Rows
without a number above zero are counted in place of shown. Where the output is a file or a pipe, no
width is known, so that all columns are there, whole; ``COLUMNS`` sets one, there too.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from tsdg.errors import folded, shown

_GAP = 2
_ABOVE_ZERO = re.compile(r"[1-9]")
Row = Sequence[str]


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of a table."""

    name: str
    left: bool = False
    """Whether it has words, and not numbers."""
    drop: int = 0
    """0: always shown. Of the others, the highest is left out first."""
    least: int = 0
    """0: never cut. Else the cells to which its words may be cut."""


def numbers(*names: str, drop: int = 0) -> tuple[Column, ...]:
    """Columns of numbers, of one rank."""
    return tuple(Column(name=name, drop=drop) for name in names)


def screen_width() -> int | None:
    """Cells of a line: what ``COLUMNS`` says, else the terminal's; None where there is none."""
    if (told := os.environ.get("COLUMNS", "")).isdecimal() and int(told):
        return int(told)
    if not sys.stdout.isatty():
        return None
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or None
    except (OSError, ValueError):
        return None


def widths(columns: Sequence[Column], rows: Sequence[Row], width: int | None) -> dict[int, int]:
    """The columns that fit, with the cells of each. Pure.

    Columns in which no row says anything go first, then those of the highest ``drop``.

    Args:
        columns: of the table.
        rows: their cells, as many as there are columns.
        width: of a line; None for any.

    Returns:
        Column's place → cells. What is always shown is there whatever the width.
    """
    names = [column.name for column in columns]
    whole = [max(map(cell_len, texts)) for texts in zip(names, *rows, strict=True)]
    if width is None:
        return dict(enumerate(whole))
    least = [
        min(most, max(column.least, cell_len(column.name))) if column.least else most
        for column, most in zip(columns, whole, strict=True)
    ]
    kept = [place for place, column in enumerate(columns) if not column.drop]
    left = width - sum(least[place] + _GAP for place in kept) + _GAP
    silent = [all(row[place] in ("", "-") for row in rows) for place in range(len(columns))]
    others = sorted(
        (place for place, column in enumerate(columns) if column.drop),
        key=lambda place: (silent[place], columns[place].drop, place),
    )
    for place in others:
        if least[place] + _GAP <= left:
            kept.append(place)
            left -= least[place] + _GAP
    out = {}
    for place in sorted(kept):
        more = min(max(left, 0), whole[place] - least[place])
        out[place], left = least[place] + more, left - more
    return out


def print_text(text: str, *, indent: str = "") -> None:
    """Print a sentence, folded between words where the terminal ends; a path stays whole.

    Args:
        text: in one line.
        indent: before all lines but the first.
    """
    print(text_lines(text, width=screen_width(), indent=indent))


def text_lines(text: str, *, width: int | None, indent: str = "") -> str:
    """See :func:`print_text`; ``width`` is None for any."""
    text = shown(text)
    return text if width is None else folded(text, width, indent=indent)


def is_empty(columns: Sequence[Column], row: Row) -> bool:
    """Whether no number of a row is above zero. Pure."""
    cells = [cell for column, cell in zip(columns, row, strict=True) if not column.left]
    return bool(cells) and not any(_ABOVE_ZERO.search(cell) for cell in cells)


def print_table(
    columns: Sequence[Column],
    rows: Iterable[Row],
    *,
    strong: Collection[int] = (),
    kind: str = "",
    most: int | None = None,
) -> None:
    """Print a table, and a line on what of it is not shown; see :func:`table_lines`."""
    width = screen_width()
    for line in table_lines(columns, rows, width=width, strong=strong, kind=kind, most=most):
        print(line)


def table_lines(
    columns: Sequence[Column],
    rows: Iterable[Row],
    *,
    width: int | None,
    strong: Collection[int] = (),
    kind: str = "",
    most: int | None = None,
) -> list[str]:
    """A table, and what of it is not shown, as lines for standard output.

    Args:
        columns: of the table.
        rows: their cells.
        width: of a line; None for any.
        strong: places of rows that are always shown, and bold: sums.
        kind: what a row is, in the plural: rows without a number above zero are then counted only.
        most: rows shown, besides strong ones; None for all.
    """
    cells = [[_plain(cell) for cell in row] for row in rows]
    chosen = [
        place
        for place, row in enumerate(cells)
        if place in strong or not (kind and is_empty(columns, row))
    ]
    empty = len(cells) - len(chosen)
    plain = [place for place in chosen if place not in strong]
    over = set(plain[most:]) if most is not None else set()
    chosen = [place for place in chosen if place not in over]
    kept = widths(columns, [cells[place] for place in chosen], width)
    notes = []
    if empty:
        in_all = len(cells) - len(strong)
        notes.append(f"not shown: {empty:,} of {in_all:,} {kind}, without any count")
    if over:
        notes.append(f"{len(over):,} more {kind or 'rows'}: --json has them")
    lost = [column.name for place, column in enumerate(columns) if place not in kept]
    if lost:
        notes.append(f"for which {width} columns have no room: {', '.join(lost)}")
    drawn = [(cells[place], place in strong) for place in chosen]
    return [
        *(_drawn(columns, kept, drawn) if drawn else []),
        *(text_lines(f"({note})", width=width, indent=" ") for note in notes),
    ]


def _drawn(
    columns: Sequence[Column], kept: Mapping[int, int], rows: Sequence[tuple[Row, bool]]
) -> list[str]:
    table = RichTable(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="dim")
    for place, cells in kept.items():
        table.add_column(
            columns[place].name,
            justify="left" if columns[place].left else "right",
            no_wrap=True,
            overflow="ellipsis",
            width=cells,
        )
    for row, bold in rows:
        table.add_row(*(Text(row[place]) for place in kept), style="bold" if bold else None)
    console = Console(width=sum(kept.values()) + _GAP * (len(kept) - 1), highlight=False)
    with console.capture() as capture:
        console.print(table)
    # A line of a terminal has no room for the spaces that end it.
    return [line.rstrip() for line in capture.get().splitlines()]


def _plain(cell: str) -> str:
    """A cell as one safe line."""
    return " ".join(shown(cell).split()) if not cell.isprintable() else cell
