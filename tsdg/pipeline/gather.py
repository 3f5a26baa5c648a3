"""Stage 4, over the whole run: what is done to all rows of a phase together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pyarrow as pa

from tsdg.accounting import sweep_unfinished
from tsdg.config.recipe import StepName
from tsdg.corpus import gather
from tsdg.corpus.decontamination import Decontamination
from tsdg.corpus.near_pass import NearPass
from tsdg.corpus.studies import gather_studies
from tsdg.engine.commit import committed_units, read_parts, sweep
from tsdg.layout import JOURNAL, LEASES, PARTS, QUESTIONS, SEEDS, SOLUTIONS
from tsdg.pipeline.held_out import held_out
from tsdg.pipeline.kept import forget
from tsdg.progress import Reporter, counted
from tsdg.records import Outcome
from tsdg.rowform import from_row
from tsdg.run.prepare import Prepared
from tsdg.tables import count_rows


def sweep_phase(phase: Path) -> None:
    """Remove what the work units of a complete phase needed.

    Who committed the last one may have been killed before it did so.

    Raises:
        StorageError: it cannot be removed.
    """
    sweep_unfinished(phase)
    sweep((phase / LEASES, phase / JOURNAL, phase / PARTS), committed_units(phase / PARTS))


def gather_phase(prepared: Prepared, steps: tuple[StepName, ...], reporter: Reporter) -> None:
    """Write the parts of a phase as tables, without duplicates and contaminated questions."""
    directory, recipe, state = prepared.directory, prepared.recipe, prepared.state
    if state.gathered(steps):
        return
    phase = state.folder(steps)
    total = count_rows(state.phase_input(steps))
    reporter.stage(f"{phase.name}.gather", total=total)
    sweep_phase(phase)
    forget(phase)

    def outcomes(detail: Callable[[], str]) -> Iterator[Outcome]:
        rows = (from_row(Outcome, row) for part in read_parts(phase) for row in part.to_pylist())
        return counted(rows, reporter, total=total, detail=detail)

    def questions_read(decontamination: Decontamination) -> Iterator[Outcome]:
        yield from outcomes(lambda: f"{decontamination.found} contaminated")
        if recipe.filter.dedup.near:
            reporter.doing("looking for near-duplicates among the questions")

    if steps == ("study",):
        made = gather_studies(
            lambda: outcomes(lambda: "studies to tables"),
            seeds=directory / SEEDS,
            directory=phase,
            unit_rows=recipe.engine.unit_rows,
            shares=recipe.study.shares,
        )
        if made.usable < made.asked / 2:
            reporter.note(
                f"study.gather: {made.asked - made.usable} of {made.asked} replies cannot be used, "
                "and their seeds go on without a study; a model that always thinks needs a larger "
                "study.sampling.max_tokens, or another one for roles.study"
            )
        if made.forgotten:
            reporter.note(
                f"study.gather: {made.forgotten} mentions of rare concepts are not in the "
                "syllabus, because it is full"
            )
        reporter.end(
            f"{made.usable} of {made.asked} studies can be used, {made.concepts} concepts, "
            f"{made.kept} of {total} seeds go on"
        )
        return
    dropped: set[str] = set()
    if "questions" in steps:
        reporter.doing("reading held-out rows to compare with")
        decontamination = Decontamination(held_out(recipe, directory))
        compared = decontamination.held_out
        reporter.note(
            f"decontamination: against {compared.rows:,} held-out rows of {len(compared.splits)} "
            "splits"
        )
        near = NearPass(
            recipe.filter.dedup,
            seeds=directory / SEEDS,
            scratch=directory / "questions" / ".near",
        )
        dropped = gather.gather_questions(
            questions_read(decontamination),
            directory=directory / "questions",
            unit_rows=recipe.engine.unit_rows,
            decontamination=decontamination,
            near=near,
        )
        reporter.note(f"contaminated: {decontamination.found} questions dropped")
        equal = len(dropped) - decontamination.found - near.removed
        reporter.note(
            f"duplicates: {equal} questions dropped, {near.removed} more that are nearly equal to "
            "another one"
        )
    if "answers" in steps:
        parts = _shown(read_parts(phase), reporter, total)
        gather.gather_answers(parts, directory=directory / "answers", dropped=dropped)
    kept = count_rows(directory / (SOLUTIONS if "answers" in steps else QUESTIONS))
    reporter.end(
        f"{kept} {'solutions' if 'answers' in steps else 'questions'} of {total} rows go on"
    )


def _shown(parts: Iterable[pa.Table], reporter: Reporter, total: int) -> Iterator[pa.Table]:
    """Yield the parts of a phase that answers, and show how many rows they have."""
    done = 0
    for part in parts:
        yield part
        done += len(part)
        reporter.update(done=done, total=total, detail="answers to tables")
