"""The one table: what it leaves out, and what it never breaks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tsdg.views.grid import Column, numbers, print_table, screen_width, widths

COLUMNS = (
    Column(name="task", left=True),
    *numbers("seeds", drop=3),
    *numbers("kept", drop=1),
    *numbers("records"),
    Column(name="why", left=True, drop=2, least=8),
)
ROWS = [
    ("okapi_arc_multilingual", "1,234,567", "50%", "40,000,000,000", "bad_format 12, copy 3"),
    ("nothing_here", "0", "-", "0", "0 seeds"),
    ("all", "0", "0%", "0", ""),
]


def shown(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.splitlines()


@pytest.mark.parametrize(
    ("width", "there"),
    [
        (None, ["task", "seeds", "kept", "records", "why"]),
        (80, ["task", "seeds", "kept", "records", "why"]),
        (60, ["task", "kept", "records", "why"]),
        (50, ["task", "kept", "records"]),
        (20, ["task", "records"]),
    ],
)
def test_columns_go_by_rank_and_names_and_numbers_stay_whole(
    width: int | None,
    there: list[str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", str(width or ""))
    print_table(COLUMNS, ROWS, strong={2}, kind="tasks")
    lines = shown(capsys)
    assert lines[0].split() == there
    assert "okapi_arc_multilingual" in lines[1]
    assert "40,000,000,000" in lines[1]
    assert lines[2].startswith("all")
    rest = " ".join(line.strip() for line in lines[3:])
    assert "(not shown: 1 of 2 tasks, without any count)" in rest
    for name in {"task", "seeds", "kept", "records", "why"} - set(there):
        assert name in rest.partition("have no room:")[2]
    if width and width >= 40:
        assert max(map(len, lines)) <= width


def test_a_table_of_nothing_but_zeros_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(COLUMNS, [ROWS[1]] * 224, kind="tasks")
    assert shown(capsys) == ["(not shown: 224 of 224 tasks, without any count)"]


def test_rows_beyond_the_most_are_counted_after_those_of_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_table(COLUMNS, [ROWS[1], *[ROWS[0]] * 3, ROWS[2]], strong={4}, kind="tasks", most=2)
    lines = shown(capsys)
    assert [line.split()[0] for line in lines[1:4]] == [ROWS[0][0], ROWS[0][0], "all"]
    assert lines[4:] == [
        "(not shown: 1 of 4 tasks, without any count)",
        "(1 more tasks: --json has them)",
    ]


def test_what_is_printed_cannot_command_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    print_table([Column(name="run", left=True)], [("a\x1b[2J\nb [red]c",)])
    assert shown(capsys) == ["run", "a\\x1b[2J b [red]c"]


def test_a_pipe_has_no_width_unless_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    assert screen_width() is None
    monkeypatch.setenv("COLUMNS", "72")
    assert screen_width() == 72


CELLS = st.text("ab中 9", max_size=12)


@given(st.lists(st.tuples(CELLS, CELLS, CELLS, CELLS, CELLS), max_size=4), st.integers(1, 90))
def test_columns_fit_or_only_those_that_always_stay_are_left(
    rows: list[tuple[str, ...]], width: int
) -> None:
    found = widths(COLUMNS, rows, width)
    assert set(found) >= {0, 3}
    assert set(found) == {0, 3} or sum(found.values()) + 2 * (len(found) - 1) <= width
    for place, cells in found.items():
        most = max([len(COLUMNS[place].name), *(cell_len(row[place]) for row in rows)])
        assert cells == most if place != 4 else cells <= most
