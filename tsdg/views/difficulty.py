"""Seeds and questions of a run side by side, in the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from tsdg.pipeline.measure_difficulty import Difficulty
from tsdg.views.grid import Column, numbers, print_table, print_text

COLUMNS = (
    Column(name="task", left=True),
    *numbers("seeds", drop=4),
    *numbers("won"),
    *numbers("agree", drop=3),
    *numbers("right", drop=2),
    *numbers("questions", drop=4),
    *numbers("q. won"),
    *numbers("q. agree", drop=3),
)


def print_difficulty(found: Sequence[Difficulty]) -> None:
    """Print one line per task, and what its figures are.

    Which share of seeds and questions won their vote, with what mean agreement; and which share of
    the seeds' winning answers is the gold one.
    """
    rows = []
    for row in found:
        seeds, questions = row.seeds, row.questions
        rows.append(
            (
                row.task,
                str(seeds.asked),
                _share(seeds.accepted, seeds.asked),
                f"{seeds.agreement:.2f}",
                _share(row.right, seeds.accepted),
                str(questions.asked),
                _share(questions.accepted, questions.asked),
                f"{questions.agreement:.2f}",
            )
        )
    print_table(COLUMNS, rows)
    print_text(
        "won: share whose samples agree enough on an answer; agree: mean share of a vote for its "
        "answer; both of the seeds, and with q. of the questions; right: share of the seeds' "
        "answers that are the known ones"
    )


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.0%}" if whole else "-"
