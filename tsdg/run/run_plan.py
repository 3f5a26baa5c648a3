"""What a run would do, from the recipe, the catalogue and the mirror's footers alone.

It works without a mirror too: rows of splits that are not there are the catalogue's, and the plan
says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from tsdg.config.recipe import Recipe
from tsdg.errors import few
from tsdg.generate.voteplan import VotePlan
from tsdg.run.assumptions import assumptions
from tsdg.run.cheaper import Saving, savings
from tsdg.run.estimate import (
    PhasePlan,
    TaskLoad,
    Work,
    add,
    assumed,
    plan_phases,
    record_tokens,
    vote_plans,
)
from tsdg.run.measure_diversity import Growth, grown, limit_notes
from tsdg.run.measured import measure
from tsdg.run.prepare import Prepared, fits_of
from tsdg.run.prompt_length import PromptLength
from tsdg.run.reply_limits import reply_limits
from tsdg.seeds.catalogue.caps import poor
from tsdg.seeds.catalogue.domains import domain_of
from tsdg.seeds.draw.expectation import Expected, expect
from tsdg.seeds.draw.quotas import apportion
from tsdg.seeds.draw.selection import Located, TaskSource
from tsdg.seeds.passages import passage_files

SKIPPED = "seeds.missing=skip"
"""Why a task that the mirror lacks is left out."""


@dataclass(frozen=True, kw_only=True)
class TaskPlan:
    """One task's share of a run; at most, as rejections are not known before."""

    task: str
    group: str
    family: str
    domain: str
    language: str
    licence: str
    available: int
    """Rows of its training split; 0 where nobody knows."""
    counted: Literal["mirror", "catalogue"]
    """Where ``available`` comes from."""
    seeds: int


@dataclass(frozen=True, kw_only=True)
class PlanShare:
    """Natural and sampled share of a family, a group, a domain or a language."""

    name: str
    tasks: int
    available: int
    natural_share: float
    """Of all available rows."""
    seeds: int
    sampled_share: float
    """Of all seeds."""
    poor: str = ""
    """Why all of a family is poor seeds: templates, translations, noise; mostly empty."""


@dataclass(frozen=True, kw_only=True)
class LeftOutPlan:
    """A task that is not used, and why."""

    task: str
    family: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class RunPlan:
    """What a run would do."""

    run_directory: str
    model: str
    tasks: list[TaskPlan]
    families: list[PlanShare]
    groups: list[PlanShare]
    domains: list[PlanShare]
    languages: list[PlanShare]
    left_out: list[LeftOutPlan]
    """Tasks of chosen families and groups that may not be used, or that the mirror lacks and the
    recipe skips."""
    phases: list[PhasePlan]
    requests: int
    """At most: no vote stops early, nothing is rejected."""
    total: Work
    gpu_hours: float | None
    questions: int
    """At most."""
    duplicates: Growth | None
    """Near-duplicates among so many questions like those of another run; None where none is
    named."""
    records: int
    """At most."""
    record_tokens: dict[str, int]
    """By variant, if every question is accepted."""
    votes: list[VotePlan]
    """By number of options, 0 where the answers are not bounded; those that cannot be won are left
    out."""
    claim_votes: bool
    notes: list[str]
    """What prevents the run, or what the recipe asks for."""
    savings: list[Saving]
    """The next cheaper choice of each role, those that save most first."""
    assumptions: list[str]


def make_plan(prepared: Prepared, *, like: Path | None = None) -> RunPlan:
    """Work out the plan, without side effects.

    Args:
        prepared: the recipe and where its seeds come from.
        like: a run, whose requests say how many tokens one takes, and whose questions how many
            would repeat others; None to assume the one and not predict the other.

    Raises:
        UsageError: shares of seeds cannot hold even if every row is good.
        MirrorError: a split that is there cannot be read.
    """
    recipe, prompts = prepared.recipe, prepared.prompts
    chosen = _of_passages(prepared) if recipe.passages.path else _of_tasks(prepared)
    tasks = [
        _task(source, chosen.rows[source.task], chosen.seeds[source.task]) for source in chosen.used
    ]
    loads = [
        TaskLoad(
            kind=source.family.answer_kind_of(source.unit),
            seeds=chosen.seeds[source.task],
            row_chars=chosen.chars[source.task],
        )
        for source in chosen.used
    ]
    measured = measure(like) if like else None
    length = PromptLength(recipe, prompts)

    def planned(other: Recipe) -> list[PhasePlan]:
        return plan_phases(other, prompts, loads, measured, length)

    phases = planned(recipe)
    total = add([phase.work for phase in phases])
    seeds = sum(task.seeds for task in tasks)
    questions = seeds * recipe.questions.per_seed if recipe.phases else 0
    by_variant = record_tokens(recipe, seeds * recipe.questions.per_seed)
    hours = [phase.gpu_hours for phase in phases if phase.gpu_hours is not None]
    duplicates = grown(like, questions) if like and questions else None
    return RunPlan(
        run_directory=str(prepared.directory),
        model=recipe.model.name,
        tasks=tasks,
        families=[
            replace(share, poor=poor(share.name))
            for share in shares_by(tasks, lambda task: task.family)
        ],
        groups=shares_by(tasks, lambda task: task.group),
        domains=shares_by(tasks, lambda task: task.domain),
        languages=shares_by(tasks, lambda task: task.language),
        left_out=chosen.left_out,
        phases=phases,
        requests=total.requests,
        total=total,
        gpu_hours=round(sum(hours), 2) if len(hours) == len(phases) > 0 else None,
        questions=questions,
        duplicates=duplicates,
        records=seeds * recipe.questions.per_seed * len(by_variant),
        record_tokens=by_variant,
        votes=vote_plans(recipe),
        claim_votes=recipe.answers.claim == "vote",
        notes=[*chosen.notes, *limit_notes(duplicates, recipe.questions.max_duplicates)],
        savings=savings(recipe, phases, planned),
        assumptions=[*assumptions(recipe, measured), *fits_of(recipe), *reply_limits(recipe)],
    )


@dataclass(frozen=True, kw_only=True)
class _Chosen:
    """Where the seeds come from; mappings are by task."""

    used: tuple[TaskSource, ...]
    rows: Mapping[str, int]
    seeds: Mapping[str, int]
    chars: Mapping[str, float]
    left_out: list[LeftOutPlan]
    notes: list[str]


def _of_tasks(prepared: Prepared) -> _Chosen:
    located, config = prepared.located, prepared.recipe.seeds
    skipping = prepared.mirror_here and bool(config.mirror) and config.missing == "skip"
    used = located.there if skipping else prepared.sources
    expected = prepared.expected or expect(config, used)
    return _Chosen(
        used=used,
        rows=expected.rows,
        seeds=expected.quotas.tasks,
        chars={source.task: _row_chars(source) for source in used},
        left_out=_left_out(located, skipping=skipping),
        notes=_notes(prepared, expected, skipping=skipping),
    )


def _of_passages(prepared: Prepared) -> _Chosen:
    """Share seeds evenly over domains: a passage's domain is known only when it is read."""
    recipe, used = prepared.recipe, prepared.located.there
    there = passage_files.rows_of(recipe.passages)
    asked = recipe.passages.per_task
    total = sum(asked.values()) or recipe.passages.total
    most = total if there is None else min(total, there)
    parts = {
        source.task: asked.get(source.task, 0) / total if asked else 1 / len(used)
        for source in used
    }
    return _Chosen(
        used=used,
        rows=dict.fromkeys(parts, 0),
        seeds=apportion(most, parts),
        chars=dict.fromkeys(parts, float(recipe.passages.chunk_chars)),
        left_out=[],
        notes=[
            f"passages: {'too many to count' if there is None else f'{there:,} there'}, {most:,} "
            f"seeds at most, shared {'as asked' if asked else 'alike'} by the domains: how many "
            "each has, and which labels they bear, is known when they are read"
        ],
    )


def _row_chars(source: TaskSource) -> float:
    return (
        source.split.row_bytes() if source.split.path.is_file() else float(assumed()["row_chars"])
    )


def _task(source: TaskSource, rows: int, seeds: int) -> TaskPlan:
    return TaskPlan(
        task=source.task,
        group=source.family.group,
        family=source.family.family,
        domain=domain_of(source.family, source.unit),
        language=source.unit.language,
        licence=source.family.licence_of(source.unit),
        available=rows,
        counted="mirror" if source.split.path.is_file() else "catalogue",
        seeds=seeds,
    )


def shares_by(tasks: Iterable[TaskPlan], key: Callable[[TaskPlan], str]) -> list[PlanShare]:
    """Sum tasks up by a key, in the order in which its values come."""
    members: dict[str, list[TaskPlan]] = {}
    for task in tasks:
        members.setdefault(key(task), []).append(task)
    rows = max(sum(task.available for group in members.values() for task in group), 1)
    seeds = max(sum(task.seeds for group in members.values() for task in group), 1)
    return [
        PlanShare(
            name=name,
            tasks=len(group),
            available=(available := sum(task.available for task in group)),
            natural_share=round(available / rows, 6),
            seeds=(sampled := sum(task.seeds for task in group)),
            sampled_share=round(sampled / seeds, 6),
        )
        for name, group in members.items()
    ]


def _left_out(located: Located, *, skipping: bool) -> list[LeftOutPlan]:
    out = [
        LeftOutPlan(task=task.task, family=task.family, reason=task.reason)
        for task in located.left_out
    ]
    if skipping:
        out += [
            LeftOutPlan(
                task=source.task,
                family=source.family.family,
                reason=f"{SKIPPED}: {source.split.name} is not in the mirror",
            )
            for source in located.missing
        ]
    return out


def _notes(prepared: Prepared, expected: Expected, *, skipping: bool) -> list[str]:
    recipe, located, rows = prepared.recipe, prepared.located, expected.rows
    notes = list(expected.quotas.notes)
    if located.missing and not skipping:
        where = (
            f"the mirror {recipe.seeds.mirror} lacks"
            if prepared.mirror_here and recipe.seeds.mirror
            else "there is no mirror for"
        )
        notes.append(
            f"{where} {len(located.missing)} of {len(rows)} splits: their rows are the "
            "catalogue's, and a run stops "
            "there; `tsdg seeds prefetch` fetches them"
        )
    unknown = [task for task, count in rows.items() if not count]
    if unknown:
        notes.append(f"no rows are known of {len(unknown)} tasks: {few(unknown)}")
    return notes
