"""Stage 4, global: what is done to all rows of a phase at once."""

from __future__ import annotations

from collections.abc import Iterator

from tsdg.config.recipe import StepName
from tsdg.config.stages import phase_name
from tsdg.corpus import gather
from tsdg.engine.commit import read_parts
from tsdg.pipeline.prepare import Prepared
from tsdg.pipeline.progress import gathered
from tsdg.progress import Reporter
from tsdg.records import Outcome, from_row


def gather_phase(prepared: Prepared, steps: tuple[StepName, ...], reporter: Reporter) -> None:
    """Stage 4, global: the parts of a phase as tables, without duplicates."""
    directory, recipe = prepared.directory, prepared.recipe
    if gathered(directory, steps):
        return

    def outcomes() -> Iterator[Outcome]:
        for part in read_parts(directory / phase_name(steps)):
            for row in part.to_pylist():
                yield from_row(Outcome, row)

    dropped: set[str] = set()
    if "questions" in steps:
        dropped = gather.gather_questions(
            outcomes(), directory=directory / "questions", unit_rows=recipe.engine.unit_rows
        )
        reporter.note(f"duplicates: {len(dropped)} questions dropped")
    if "answers" in steps:
        gather.gather_answers(outcomes(), directory=directory / "answers", dropped=dropped)
