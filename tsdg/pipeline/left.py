"""What is left of a run, stage by stage, and at most how many work units each of its phases has."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tsdg.config.recipe import Recipe
from tsdg.config.stages import Stage, stages
from tsdg.engine.phase import pending_units
from tsdg.layout import part_files, steps_of
from tsdg.package.finish import finished_manifest
from tsdg.package.manifest import Manifest
from tsdg.pipeline.progress import gathered, has_input, has_tables, phase_done, phase_input


def stage_done(directory: Path, stage: Stage) -> bool:
    """Whether a run's files say that a stage is done.

    Not for the last stage, which the manifest answers for.
    """
    if stage.kind == "seeds":
        return has_tables(directory, "seeds")
    if stage.kind == "phase":
        return phase_done(directory, stage.steps)
    return gathered(directory, stage.steps)


def packaged(recipe: Recipe, directory: Path) -> Manifest | None:
    """The manifest of a finished run that is packaged as this recipe says; else None."""
    manifest = finished_manifest(directory, steps_of(recipe.phases))
    return manifest if manifest and manifest.get("package") == recipe.package.model_dump() else None


def stages_left(recipe: Recipe, directory: Path) -> tuple[Stage, ...]:
    """List the stages of a run that are not done, or not as this recipe says, in order."""
    return tuple(
        stage
        for stage in stages(recipe.phases)
        if not (
            packaged(recipe, directory) if stage.kind == "package" else stage_done(directory, stage)
        )
    )


def begun(recipe: Recipe, directory: Path) -> bool:
    """Whether any unit of any phase is committed."""
    return any(part_files(directory, recipe.phases))


def units_of_phases(
    recipe: Recipe, directory: Path, planned: Mapping[str, int]
) -> Mapping[str, int]:
    """At most how many work units each phase has left; exact once its input exists.

    Args:
        recipe: the recipe.
        directory: the run directory, which may not exist yet.
        planned: units of each phase at most, as planned.
    """
    units = {}
    for stage in stages(recipe.phases):
        if stage.kind == "phase":
            there = has_input(directory, stage.steps)
            source = phase_input(directory, stage.steps)
            units[stage.name] = (
                len(pending_units(source, directory / stage.name)) if there else planned[stage.name]
            )
    return units
