"""Names every file of a run directory; no other module knows them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from tsdg.errors import UsageError, did_you_mean

SNAPSHOT = "snapshot"
RECIPE = "snapshot/recipe.yaml"
FINGERPRINT = "snapshot/fingerprint.json"
PROMPTS = "snapshot/prompts"
VERSIONS = "snapshot/versions.json"
CODE = "snapshot/code.tar.gz"
CLUSTERS = "snapshot/clusters"
MERGED = "snapshot/merged"
LAUNCHES = "snapshot/launches.jsonl"
LAUNCH = "launch"
LAUNCHED_RECIPE = "launch/recipe.yaml"
"""The recipe of the latest launch; may differ from the snapshot's where no row depends on it."""
JOBS = "launch/jobs.json"
CANARY = "canary"
"""A small run of its own."""
LOGS = "logs"
DIFFICULTY = "difficulty"
DIVERSITY = "diversity/diversity.json"
FULL_RUN = "launch/full_run.json"
"""In a canary's directory: the questions that the full run asks for."""
SEED_COUNTS = "seeds/counts.json"
HELD_OUT = "seeds/held_out.json"
"""The held-out splits that seeds and questions are compared with, each with its revision."""
SEEDS = "seeds/seeds.parquet"
STUDIES = "study/studies.parquet"
SYLLABUS = "study/syllabus.parquet"
STUDIED_SEEDS = "study/seeds.parquet"
KIN = "seeds/kin.parquet"
QUESTIONS = "questions/questions.parquet"
CONTAMINATION = "questions/contamination.json"
FILTER_CONTAMINATION = "filter/contamination.json"
SAMPLES = "answers/samples.parquet"
SOLUTIONS = "answers/solutions.parquet"
ALLOWED_UNITS = "snapshot/catalogue.json"
DATASET = "dataset"
MANIFEST = "manifest.json"
CARD = "README.md"

LEASES, JOURNAL, PARTS, WORKERS, STANDBY = "leases", "journal", "parts", "workers", "standby"
"""Folders of a phase, in the phase's own."""
KEPT = "kept"
"""Likewise: parts of an earlier time whose lost rows are asked for again (`tsdg retry`)."""

PHASE_FOLDERS = ("study", "questions", "answers", "questions-answers")
_WHOLE_FOLDERS = ("seeds", "filter", SNAPSHOT, DATASET)
_GROWING = frozenset({LAUNCHES})
"""Files that every start of a run adds to, even of a finished run."""


def output_root() -> Path:
    """The folder of runs where none is named, as ``recipes/config.yaml`` has ``output_root``."""
    return Path(os.environ.get("TSDG_OUTPUT_ROOT", "runs")).expanduser()


def is_run(folder: Path) -> bool:
    """Whether a folder is a run directory or a merged dataset."""
    return any((folder / name).exists() for name in (SNAPSHOT, LAUNCH, MANIFEST))


def run_names() -> list[str]:
    """The names of the runs below :func:`output_root`, sorted; none where it cannot be read."""
    try:
        return sorted(folder.name for folder in output_root().iterdir() if is_run(folder))
    except OSError:
        return []


def find_run(word: str) -> str:
    """The path of a run that a word names: its path, or its name as ``tsdg list`` prints it.

    A run here goes before one of :func:`output_root`; a folder here that is none does not. A word
    that names neither is returned as it is.
    """
    if word and "/" not in word and not is_run(Path(word)) and is_run(output_root() / word):
        return str(output_root() / word)
    return word


def run_directory(word: str, *, command: str) -> Path:
    """Find the run directory, or merged dataset, that a word of the command line names.

    Args:
        word: as typed.
        command: what the user typed before it, for the message.

    Raises:
        UsageError: it names none.
    """
    run = Path(find_run(word))
    if not word or not run.is_dir():
        raise UsageError(
            f"{command}: there is no directory {word!r}, and no run of that name in "
            f"{output_root()}{did_you_mean(word, run_names())}; `tsdg list ROOT` lists the runs "
            "below a folder"
        )
    if not is_run(run):
        raise UsageError(
            f"{command}: {word} is not a run directory: it has no snapshot; `tsdg list ROOT` lists "
            "the runs below a folder"
        )
    return run


def phase_name(steps: Sequence[str]) -> str:
    """Name of a phase and of its folder: its steps."""
    return "-".join(steps)


def rejected(stage: str) -> str:
    """The table of rows that a stage rejected."""
    return f"{stage}/rejected.parquet"


def steps_of(phases: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """The steps that a run has, in order: of study, questions and answers."""
    return tuple(step for phase in phases for step in phase)


def part_files(run: Path, phases: Sequence[Sequence[str]]) -> list[tuple[Sequence[str], Path]]:
    """Each phase's committed part files, in the order of their units."""
    return [
        (phase, path)
        for phase in phases
        for path in sorted((run / phase_name(phase) / PARTS).glob("*.parquet"))
    ]


def data_files(run: Path) -> Iterator[str]:
    """All files that a manifest lists, relative to the run directory, in order.

    Not among them: the manifest itself, logs, the engine's leases and journals, and hidden files,
    which are unfinished.
    """
    found = [run / CARD, run / CONTAMINATION]
    for name in _WHOLE_FOLDERS:
        found += (run / name).rglob("*")
    for name in PHASE_FOLDERS:
        found += (run / name).glob("*.parquet")
        found += (run / name / PARTS).rglob("*")
    names = {
        path.relative_to(run).as_posix()
        for path in found
        if path.is_file() and not path.name.startswith(".")
    }
    yield from sorted(names - _GROWING)
