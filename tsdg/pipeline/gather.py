"""Stage 4, global: what is done to all rows of a phase at once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tsdg.config.recipe import Recipe, StepName
from tsdg.config.stages import phase_name
from tsdg.corpus import gather
from tsdg.corpus.decontamination import Decontamination, Nothing
from tsdg.corpus.near_pass import NearPass
from tsdg.engine.commit import read_parts
from tsdg.package.layout import SEEDS
from tsdg.pipeline.prepare import Prepared
from tsdg.pipeline.progress import gathered
from tsdg.progress import Reporter
from tsdg.protocols import HeldOut
from tsdg.records import Outcome, from_row
from tsdg.seeds.catalogue import load
from tsdg.seeds.leaks import build_index


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
        decontamination = Decontamination(held_out(recipe))
        near = NearPass(recipe.filter.dedup, seeds=directory / SEEDS, scratch=directory / "questions" / ".near")
        dropped = gather.gather_questions(
            outcomes(),
            directory=directory / "questions",
            unit_rows=recipe.engine.unit_rows,
            decontamination=decontamination,
            near=near,
        )
        reporter.note(f"contaminated: {decontamination.found} questions dropped")
        equal = len(dropped) - decontamination.found - near.removed
        reporter.note(f"duplicates: {equal} questions dropped, {near.removed} more that are nearly equal to others")
    if "answers" in steps:
        gather.gather_answers(outcomes(), directory=directory / "answers", dropped=dropped)


def held_out(recipe: Recipe) -> HeldOut:
    """What generated questions, and then their solutions, are compared with."""
    config, mirror = recipe.filter.decontaminate, recipe.seeds.mirror
    if not config.enabled:
        return Nothing()
    return build_index(
        Path(mirror) if mirror else None, load(), ngram=config.ngram, overlap=config.overlap, files=config.files
    )
