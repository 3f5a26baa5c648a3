"""Measures how varied the questions of a run are, beside its seeds or another run's questions.

The questions are those that were written, including those that the filter rejected later. Of a
large run a sample of the seeds with all their questions is measured, the same on every machine.
"""

from __future__ import annotations

import json
from array import array
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tsdg.config.recipe import Recipe
from tsdg.config.snapshot import read_recipe
from tsdg.corpus.growth import Share
from tsdg.corpus.narrow import NarrowFigure, narrower
from tsdg.corpus.repeats import Groups, Repeats
from tsdg.corpus.width import Reading, Width, nested, together
from tsdg.errors import ShortfallError, VerificationError
from tsdg.layout import DIVERSITY, FULL_RUN, QUESTIONS, SYLLABUS, rejected
from tsdg.progress import Reporter
from tsdg.run.state import RunState
from tsdg.run.written import Row, questions, seeds, written
from tsdg.scratch import scratch_folder
from tsdg.storage import make_directory, write_whole
from tsdg.tables import count_rows, unreadable

SEEDS_SIDE = "seeds"
SAMPLE = 200_000
"""Questions of a run that are measured, about."""
_DEPTHS = ("fields", "subfields", "concepts")


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """Repetitions among so many questions."""

    questions: int
    near: Share
    """Near-duplicates, equal questions among them."""
    exact: Share
    """Equal questions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One task, or all of them."""

    task: str
    """Empty for all."""
    written: int
    """Questions that there are."""
    measured: int
    """Of these, in the sample."""
    to_seeds: float
    """Share of the measured that is near to a seed."""
    growth: tuple[Growth, ...]
    """At more and more questions; the last is the full run."""
    repeated: tuple[float, float]
    """Share of near-duplicates among as many questions of both sides as the smaller one has."""
    questions: Width
    beside: Width
    narrower: tuple[NarrowFigure, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Diversity:
    """The figures of a run's questions."""

    run: str
    against: str
    """``seeds``, or another run."""
    whole: Compared
    tasks: tuple[Compared, ...]
    syllabus: Mapping[str, tuple[int, int]]
    """Fields, subfields and concepts of the syllabus: how many are reached, of how many; empty
    without one."""


@dataclass(slots=True, kw_only=True)
class _Side:
    """What was read of one side."""

    readings: dict[str, Reading] = field(default_factory=lambda: defaultdict(Reading))
    codes: dict[str, int] = field(default_factory=dict)
    tasks: array[int] = field(default_factory=lambda: array("H"))
    groups: Groups | None = None

    def add(self, row: Row) -> None:
        """Read a question or seed."""
        self.tasks.append(self.codes.setdefault(row.task, len(self.codes)))
        self.readings[row.task].add(
            f"{row.item.context}\n{row.item.question}" if row.item.context else row.item.question,
            answer=row.item.answer,
            of_class=row.of_class,
            subject=row.subject,
        )

    def of(self, task: str) -> Groups:
        """Groups among the questions of one task; of all where it is empty."""
        assert self.groups is not None
        if not task:
            return self.groups
        return self.groups.of(np.array(self.tasks) == self.codes.get(task, -1))

    def width(self, task: str) -> Width:
        """Figures of one task; of all where it is empty."""
        known = self.readings if not task else {task: self.readings.get(task, Reading())}
        return together(known.values()).width()


def measure(
    run: Path, *, against: str = SEEDS_SIDE, at: int = 0, sample: int = SAMPLE
) -> Diversity:
    """Measure the questions of a run.

    Args:
        run: the run directory.
        against: ``seeds``, or the directory of another run.
        at: questions of the full run; 0 for what this run plans.
        sample: questions to measure, about.

    Raises:
        UsageError: a directory holds no run.
        ShortfallError: the run has no questions yet.
        VerificationError: a table is missing or damaged.
        StorageError: there is no room for what the comparison keeps on disk.
    """
    recipe = read_recipe(run, [])
    counts = written(run, recipe)
    total = sum(counts.values())
    if not total:
        raise _no_questions(run)
    at = at or _planned(run, recipe, total)
    mine, beside = _read_run(run, recipe, sample)
    if against != SEEDS_SIDE:
        beside, _ = _read_run(Path(against), read_recipe(Path(against), []), sample)
    scale = at / total
    return Diversity(
        run=run.name,
        against=against,
        whole=_compared("", total, _points(len(mine.tasks), at), mine, beside),
        tasks=tuple(
            _compared(task, count, sorted({count, round(count * scale)}), mine, beside)
            for task, count in counts.items()
        ),
        syllabus=_reached(run / SYLLABUS, mine),
    )


def grown(run: Path, at: int) -> Growth:
    """Predict the repetitions among so many questions like those of a run.

    Raises:
        UsageError: the directory holds no run.
        ShortfallError: the run has no questions yet.
        VerificationError: a table is missing or damaged.
    """
    recipe = read_recipe(run, [])
    part = SAMPLE / max(_asked(run, recipe), 1)
    with _repeats(recipe) as repeats:
        for row in seeds(run, part):
            repeats.add_seed(row.item)
        for row in questions(run, recipe, part):
            repeats.add(row.item, made_from=row.seed)
        groups = repeats.groups()
    if not len(groups.near):
        raise _no_questions(run)
    return Growth(questions=at, near=groups.near_share(at), exact=groups.exact_share(at))


def growth_text(growth: Growth) -> str:
    """A predicted share in words.

    >>> share = Share(estimate=0.312, low=0.24, high=0.39)
    >>> growth_text(Growth(questions=500_000, near=share, exact=share))
    'at 500,000 questions 31 % (24 to 39 %) would be near-duplicates'
    """
    near = growth.near
    return (
        f"at {growth.questions:,} questions {_percent(near.estimate)} % "
        f"({_percent(near.low)} to {_percent(near.high)} %) would be near-duplicates"
    )


def write_full_run(canary: Path, at: int) -> None:
    """Note in a canary's directory how many questions the full run asks for.

    Raises:
        StorageError: it cannot be written.
    """
    make_directory((canary / FULL_RUN).parent)
    write_whole(canary / FULL_RUN, (json.dumps({"questions": at}) + "\n").encode())


def check_canary(run: Path, recipe: Recipe, reporter: Reporter) -> None:
    """Check the canary of a launch against ``questions.max_duplicates``; other runs always pass.

    Raises:
        ShortfallError: even the lower bound of near-duplicates in the full run is above it.
        VerificationError: a table is damaged.
    """
    most = recipe.questions.max_duplicates
    if most == 1 or not (run / FULL_RUN).is_file():
        return
    try:
        at = int(json.loads((run / FULL_RUN).read_bytes())["questions"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise VerificationError(
            f"{run / FULL_RUN} is damaged; launch the run again (`tsdg resume RUN`)"
        ) from error
    growth = grown(run, at)
    said = f"{growth_text(growth)}; questions.max_duplicates allows {_percent(most)} %"
    if growth.near.low > most:
        raise ShortfallError(
            f"{said}: ask for fewer questions, take other prompts or a warmer questions.sampling "
            f"(`tsdg diversity {run}` says what repeats), or raise it (1: any share)"
        )
    reporter.note(f"warning: {said}" if growth.near.estimate > most else said)


def limit_notes(growth: Growth | None, most: float) -> list[str]:
    """What a plan says where a prediction exceeds ``questions.max_duplicates``; else nothing."""
    if growth is None or growth.near.estimate <= most:
        return []
    does = "would stop at its canary" if growth.near.low > most else "would be warned by its canary"
    return [
        f"questions.max_duplicates allows {_percent(most)} % near-duplicates: a launch whose "
        f"questions are like those of that run {does}"
    ]


def _no_questions(run: Path) -> ShortfallError:
    if (run / QUESTIONS).is_file():
        return ShortfallError(
            f"{run}: all its questions were rejected; {run / rejected('questions')} says why"
        )
    return ShortfallError(f"{run}: no question is written yet; `tsdg resume` continues the run")


def _percent(share: float) -> str:
    return f"{100 * share:.0f}" if share >= 0.0995 or not share else f"{100 * share:.1f}"


def keep_diversity(run: Path, found: Diversity) -> None:
    """Write the figures where the report reads them.

    Raises:
        StorageError: they cannot be written.
    """
    make_directory((run / DIVERSITY).parent)
    write_whole(run / DIVERSITY, (json.dumps(asdict(found), indent=1) + "\n").encode())


def _read_run(run: Path, recipe: Recipe, sample: int) -> tuple[_Side, _Side]:
    """Read the questions of a run, and its seeds.

    The subject of a seed is what the writers of its questions said about it.
    """
    mine, beside = _Side(), _Side()
    part = sample / max(_asked(run, recipe), 1)
    with _repeats(recipe) as repeats:
        for row in seeds(run, part):
            repeats.add_seed(row.item)
        before = ""
        for row in questions(run, recipe, part):
            repeats.add(row.item, made_from=row.seed)
            mine.add(row)
            if row.seed != before:
                beside.readings[row.task].add_subject(row.seed_subject)
            before = row.seed
        mine.groups = repeats.groups()
    with _repeats(recipe) as repeats:
        for row in seeds(run, part):
            repeats.add(row.item, made_from=row.seed)
            beside.add(row)
        beside.groups = repeats.groups()
    return mine, beside


@contextmanager
def _repeats(recipe: Recipe) -> Iterator[Repeats]:
    with (
        scratch_folder("diversity") as folder,
        Repeats(threshold=recipe.filter.dedup.threshold, scratch=folder / "near") as repeats,
    ):
        yield repeats


def _compared(task: str, count: int, points: Sequence[int], mine: _Side, beside: _Side) -> Compared:
    groups, others = mine.of(task), beside.of(task)
    measured = len(groups.near)
    # A question that is near to a seed repeats no question.
    own = groups.of(~groups.of_seed)
    common = min(len(own.near), len(others.near))
    repeated = own.near_share(common).estimate, others.near_share(common).estimate
    figures, theirs = mine.width(task), beside.width(task)
    return Compared(
        task=task,
        written=count,
        measured=measured,
        to_seeds=float(groups.of_seed.mean()) if measured else 0.0,
        growth=tuple(
            Growth(questions=at, near=groups.near_share(at), exact=groups.exact_share(at))
            for at in points
        ),
        repeated=repeated,
        questions=figures,
        beside=theirs,
        narrower=narrower(figures, theirs, repeated=repeated),
    )


def _points(measured: int, at: int) -> list[int]:
    """Numbers of questions at which the growth of all is shown, the full run last."""
    between = np.geomspace(measured, at, 4).round() if 0 < measured < at else np.empty(0)
    some = [measured // 100, measured // 10, measured, *between.astype(int).tolist()]
    return [*sorted({point for point in some if 1 < point < at}), at]


def _planned(run: Path, recipe: Recipe, total: int) -> int:
    """Questions that there will be: those that are written, or more where the phase goes on."""
    steps = next((steps for steps in recipe.phases if "questions" in steps), ())
    if steps and RunState(directory=run, phases=recipe.phases).phase_done(steps):
        return total
    return max(total, _asked(run, recipe))


def _asked(run: Path, recipe: Recipe) -> int:
    """Questions that the run's seeds are to give."""
    return (
        count_rows(RunState(directory=run, phases=recipe.phases).phase_input(("questions",)))
        * recipe.questions.per_seed
    )


def _reached(path: Path, mine: _Side) -> dict[str, tuple[int, int]]:
    """How much of the syllabus the questions reach; nothing without one."""
    if not path.is_file():
        return {}
    try:
        table = pq.read_table(path, columns=["field", "subfield", "concept"])
    except (OSError, pa.ArrowException, KeyError, ValueError) as error:
        raise unreadable(path, error) from error
    known = [
        nested(parts)
        for parts in zip(*(table[n].to_pylist() for n in table.column_names), strict=True)
    ]
    whole = together(mine.readings.values())
    out = {}
    for depth, name in enumerate(_DEPTHS):
        there = {parts[depth] for parts in known if parts[depth]}
        out[name] = len(there & getattr(whole, name).keys()), len(there)
    return out
