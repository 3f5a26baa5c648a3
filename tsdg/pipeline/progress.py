"""How far a run is, from the files in its directory alone."""

from __future__ import annotations

from pathlib import Path

from tsdg.config.recipe import StepName
from tsdg.engine.phase import is_complete
from tsdg.layout import (
    QUESTIONS,
    SAMPLES,
    SEED_COUNTS,
    SEEDS,
    SOLUTIONS,
    STUDIED_SEEDS,
    STUDIES,
    SYLLABUS,
    phase_name,
    rejected,
)

TABLES = {
    "seeds": (SEEDS, rejected("seeds"), SEED_COUNTS),
    "study": (STUDIED_SEEDS, rejected("study"), SYLLABUS, STUDIES),
    "questions": (QUESTIONS, rejected("questions")),
    "answers": (SAMPLES, SOLUTIONS, rejected("answers")),
}
"""What each step leaves; it is done where all of it is there."""


def has_tables(directory: Path, step: str) -> bool:
    """Whether a step (or ``seeds``) has left its tables."""
    return all((directory / table).is_file() for table in TABLES[step])


def gathered(directory: Path, steps: tuple[StepName, ...]) -> bool:
    """Whether a phase's rows stand in their tables, whatever phases made them."""
    return all(has_tables(directory, step) for step in steps)


def phase_input(directory: Path, steps: tuple[StepName, ...]) -> Path:
    """The table whose rows a phase works on; after a study, questions are asked of what it left."""
    if steps[0] == "answers":
        return directory / QUESTIONS
    studied = steps[0] == "questions" and has_tables(directory, "study")
    return directory / (STUDIED_SEEDS if studied else SEEDS)


def has_input(directory: Path, steps: tuple[StepName, ...]) -> bool:
    """Whether the table that a phase works on is there."""
    return has_tables(directory, "questions" if steps[0] == "answers" else "seeds")


def phase_done(directory: Path, steps: tuple[StepName, ...]) -> bool:
    """Whether a phase needs no server: its tables are there, or all its units are."""
    if gathered(directory, steps):
        return True
    folder = directory / phase_name(steps)
    return has_input(directory, steps) and is_complete(phase_input(directory, steps), folder)
