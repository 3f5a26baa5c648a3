"""How far a run has got, from the files in its directory alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self, cast

import yaml

from tsdg.config.recipe import PackageConfig, StepName
from tsdg.config.stages import Stage, stages
from tsdg.engine.phase import is_complete, pending_units
from tsdg.errors import UsageError, VerificationError
from tsdg.layout import (
    QUESTIONS,
    RECIPE,
    SAMPLES,
    SEED_COUNTS,
    SEEDS,
    SOLUTIONS,
    STUDIED_SEEDS,
    STUDIES,
    SYLLABUS,
    part_files,
    phase_name,
    rejected,
    steps_of,
)
from tsdg.package.finish import finished_manifest
from tsdg.package.manifest_form import Manifest

Steps = tuple[StepName, ...]
"""A phase."""

TABLES: Mapping[str, tuple[str, ...]] = {
    "seeds": (SEEDS, rejected("seeds"), SEED_COUNTS),
    "study": (STUDIED_SEEDS, rejected("study"), SYLLABUS, STUDIES),
    "questions": (QUESTIONS, rejected("questions")),
    "answers": (SAMPLES, SOLUTIONS, rejected("answers")),
}
"""What each step leaves; it is done where all of it is there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunState:
    """What is done and what is left of a run. Keeps nothing: every question looks at the files."""

    directory: Path
    """The run directory, which may not exist yet."""
    phases: tuple[Steps, ...]

    @classmethod
    def of(cls, directory: Path) -> Self:
        """Read the phases of a run from its snapshot, whatever version of tsdg wrote it.

        Raises:
            UsageError: it is not a run directory.
            VerificationError: the snapshot is damaged.
        """
        path = directory / RECIPE
        try:
            values = yaml.load(path.read_text(), Loader=yaml.CSafeLoader)
            phases = tuple(
                tuple(cast("StepName", str(step)) for step in steps) for steps in values["phases"]
            )
        except FileNotFoundError as error:
            raise UsageError(
                f"{directory} is not a run directory: it has no {RECIPE}; see `tsdg list`"
            ) from error
        except (OSError, ValueError, KeyError, TypeError, yaml.YAMLError) as error:
            why = (
                " ".join(str(error).split())[:120]
                if isinstance(error, OSError | yaml.YAMLError)
                else "it is not a recipe"
            )
            raise VerificationError(f"{path} cannot be read ({why}); restore it") from error
        return cls(directory=directory, phases=phases)

    @property
    def stages(self) -> tuple[Stage, ...]:
        """All stages of the run, in order."""
        return stages(self.phases)

    @property
    def phase_stages(self) -> tuple[Stage, ...]:
        """The stages that are phases, in order."""
        return tuple(stage for stage in self.stages if stage.kind == "phase")

    def folder(self, steps: Steps) -> Path:
        """The folder of a phase, for its leases, journals, parts and workers."""
        return self.directory / phase_name(steps)

    def has_tables(self, step: str) -> bool:
        """Whether a step (or ``seeds``) has left its tables."""
        return all((self.directory / table).is_file() for table in TABLES[step])

    def gathered(self, steps: Steps) -> bool:
        """Whether a phase's rows are in their tables, whatever phases made them."""
        return all(self.has_tables(step) for step in steps)

    def phase_input(self, steps: Steps) -> Path:
        """The table whose rows a phase works on: after a study, questions come from its seeds."""
        if steps[0] == "answers":
            return self.directory / QUESTIONS
        studied = steps[0] == "questions" and self.has_tables("study")
        return self.directory / (STUDIED_SEEDS if studied else SEEDS)

    def has_input(self, steps: Steps) -> bool:
        """Whether the table that a phase works on is there."""
        return self.has_tables("questions" if steps[0] == "answers" else "seeds")

    def pending_units(self, steps: Steps) -> tuple[int, ...]:
        """The work units of a phase that no process has committed; its input must be there.

        Raises:
            StorageError: the input or the directory cannot be read.
            RunConflictError: the directory holds parts of an input that was cut in another way.
            VerificationError: a part is damaged.
        """
        return pending_units(self.phase_input(steps), self.folder(steps))

    def phase_done(self, steps: Steps) -> bool:
        """Whether a phase needs no server: its tables are there, or all its units are."""
        if self.gathered(steps):
            return True
        return self.has_input(steps) and is_complete(self.phase_input(steps), self.folder(steps))

    def manifest(self) -> Manifest | None:
        """The manifest of a run that is complete; None where there is more to do."""
        return finished_manifest(self.directory, steps_of(self.phases))

    def packaged(self, package: PackageConfig) -> Manifest | None:
        """The manifest of a run that is packaged in this way; else None."""
        manifest = self.manifest()
        return manifest if manifest and manifest.get("package") == package.model_dump() else None

    def done(self, stage: Stage) -> bool:
        """Whether the files say that a stage is done, in whatever way it was packaged."""
        match stage.kind:
            case "seeds":
                return self.has_tables("seeds")
            case "phase":
                return self.phase_done(stage.steps)
            case "gather":
                return self.gathered(stage.steps)
            case "package":
                return self.manifest() is not None

    def left(self, package: PackageConfig) -> tuple[Stage, ...]:
        """The stages that are not done, or not packaged in this way, in order."""
        return tuple(
            stage
            for stage in self.stages
            if not (self.packaged(package) if stage.kind == "package" else self.done(stage))
        )

    def begun(self) -> bool:
        """Whether any unit of any phase is committed."""
        return any(part_files(self.directory, self.phases))

    def units_left(self, planned: Mapping[str, int]) -> dict[str, int]:
        """Upper bounds on the work units that each phase has left.

        Exact where the phase's input is there; else as planned.

        Args:
            planned: units of each phase at most, by its name.
        """
        return {
            stage.name: (
                len(self.pending_units(stage.steps))
                if self.has_input(stage.steps)
                else planned[stage.name]
            )
            for stage in self.phase_stages
        }
