"""Seeds and questions of a run side by side, in the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from tsdg.pipeline.measure_difficulty import Difficulty

COLUMNS = ("task", "seeds", "won", "agreement", "right", "questions", "won", "agreement")


def print_difficulty(found: Sequence[Difficulty]) -> None:
    """Print one line per task.

    Which share of seeds and questions won their vote, with what mean agreement; and which share of
    the seeds' winning answers is the gold one.
    """
    table = Table(box=None, pad_edge=False)
    for place, column in enumerate(COLUMNS):
        table.add_column(
            column, justify="right" if place else "left", no_wrap=bool(place), overflow="fold"
        )
    for row in found:
        seeds, questions = row.seeds, row.questions
        table.add_row(
            row.task,
            str(seeds.asked),
            _share(seeds.accepted, seeds.asked),
            f"{seeds.agreement:.2f}",
            _share(row.right, seeds.accepted),
            str(questions.asked),
            _share(questions.accepted, questions.asked),
            f"{questions.agreement:.2f}",
        )
    Console(soft_wrap=False).print(table)


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.0%}" if whole else "-"
