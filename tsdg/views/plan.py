"""``tsdg plan``: what a run would do, by recipe, catalogue and the mirror's footers.

It works without a mirror too: rows of splits that are not there are the catalogue's, and the plan
says so.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from tsdg.config.compose import recipes_dir
from tsdg.config.recipe import Recipe
from tsdg.config.snapshot import run_name
from tsdg.errors import few
from tsdg.generate.prompts import load_prompts
from tsdg.generate.voteplan import VotePlan
from tsdg.generate.ways import check_ways
from tsdg.pipeline.diversity import Growth, grown, growth_text
from tsdg.pipeline.verifiers import check_verifiers
from tsdg.pipeline.votes import check_votes
from tsdg.seeds.draw.quotas import Quotas, apportion, solve
from tsdg.seeds.draw.selection import Located, Source, survey, wishes_of
from tsdg.seeds.families import renderers
from tsdg.seeds.passages import collector as passages
from tsdg.seeds.passages import passage_files
from tsdg.views.estimate import (
    Load,
    PhasePlan,
    Work,
    add,
    assumed,
    assumptions,
    plan_phases,
    record_tokens,
    vote_plans,
    votes_note,
    worded_vote,
)

_TASKS_SHOWN = 20
"""A table of more tasks than this is left to ``--json``."""


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
class Share:
    """Natural against sampled: a family, a group, a domain or a language."""

    name: str
    tasks: int
    available: int
    natural_share: float
    """Of all available rows."""
    seeds: int
    sampled_share: float
    """Of all seeds."""


@dataclass(frozen=True, kw_only=True)
class LeftOutPlan:
    """A task that is not used, and why."""

    task: str
    family: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a run would do."""

    run_directory: str
    model: str
    tasks: list[TaskPlan]
    families: list[Share]
    groups: list[Share]
    domains: list[Share]
    languages: list[Share]
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
    """What stands in the way of the recipe's wishes or of the run."""
    assumptions: list[str]


def make_plan(recipe: Recipe, *, like: Path | None = None) -> Plan:
    """Work out the plan, without side effects.

    Args:
        recipe: the recipe.
        like: a run, whose questions say how many would repeat others; None for no such prediction.

    Raises:
        UsageError: something that was asked for does not exist or may not be used.
        MirrorError: a mirror is named and is no folder, or a split that is there cannot be read.
    """
    prompts = load_prompts(recipe.prompt, recipes_dir(), study=bool(recipe.study.share))
    check_ways(prompts.ways, recipe.questions, recipe.prompt.dir)
    chosen = _of_passages(recipe) if recipe.passages.path else _of_tasks(recipe)
    check_verifiers(recipe, chosen.used)
    check_votes(recipe, chosen.used)
    tasks = [
        _task(source, chosen.rows[source.task], chosen.seeds[source.task]) for source in chosen.used
    ]
    loads = [
        Load(
            kind=source.family.answer_kind_of(source.unit),
            seeds=chosen.seeds[source.task],
            row_chars=chosen.chars[source.task],
        )
        for source in chosen.used
    ]
    phases = plan_phases(recipe, prompts, loads)
    total = add([phase.work for phase in phases])
    seeds = sum(task.seeds for task in tasks)
    questions = seeds * recipe.questions.per_seed if recipe.phases else 0
    by_variant = record_tokens(recipe, seeds * recipe.questions.per_seed)
    hours = [phase.gpu_hours for phase in phases if phase.gpu_hours is not None]
    return Plan(
        run_directory=str(
            Path(recipe.output_root).expanduser() / run_name(recipe, prompts.hashes())
        ),
        model=recipe.model.name,
        tasks=tasks,
        families=_shares(tasks, lambda task: task.family),
        groups=_shares(tasks, lambda task: task.group),
        domains=_shares(tasks, lambda task: task.domain),
        languages=_shares(tasks, lambda task: task.language),
        left_out=chosen.left_out,
        phases=phases,
        requests=total.requests,
        total=total,
        gpu_hours=round(sum(hours), 2) if len(hours) == len(phases) > 0 else None,
        questions=questions,
        duplicates=grown(like, questions) if like else None,
        records=seeds * recipe.questions.per_seed * len(by_variant),
        record_tokens=by_variant,
        votes=vote_plans(recipe),
        claim_votes=recipe.answers.claim == "vote",
        notes=chosen.notes,
        assumptions=assumptions(recipe),
    )


@dataclass(frozen=True, kw_only=True)
class _Chosen:
    """Where the seeds come from; mappings are by task."""

    used: tuple[Source, ...]
    rows: Mapping[str, int]
    seeds: Mapping[str, int]
    chars: Mapping[str, float]
    left_out: list[LeftOutPlan]
    notes: list[str]


def _of_tasks(recipe: Recipe) -> _Chosen:
    located = survey(recipe.seeds)
    skipping = bool(recipe.seeds.mirror) and recipe.seeds.missing == "skip"
    used = located.there if skipping else (*located.there, *located.missing)
    rows = {source.task: _rows(source) for source in used}
    quotas = solve(
        [source.stock(rows[source.task]) for source in used], wishes_of(recipe.seeds, used)
    )
    return _Chosen(
        used=used,
        rows=rows,
        seeds=quotas.tasks,
        chars={source.task: _row_chars(source) for source in used},
        left_out=_left_out(located, skipping=skipping),
        notes=_notes(recipe, located, rows, quotas, skipping=skipping),
    )


def _of_passages(recipe: Recipe) -> _Chosen:
    """Which domain a passage is of is known when it is read: until then they share alike."""
    used = passages.locate(recipe.passages).there
    there = passage_files.rows_of(recipe.passages)
    most = recipe.passages.total if there is None else min(recipe.passages.total, there)
    parts = {source.task: 1 / len(used) for source in used}
    return _Chosen(
        used=used,
        rows=dict.fromkeys(parts, 0),
        seeds=apportion(most, parts),
        chars=dict.fromkeys(parts, float(recipe.passages.chunk_chars)),
        left_out=[],
        notes=[
            f"passages: {'too many to count' if there is None else f'{there:,} there'}, {most:,} "
            "seeds at most, shared "
            "alike by the domains: how many each has, and which labels they bear, is known when "
            "they are read"
        ],
    )


def _rows(source: Source) -> int:
    if source.split.path.is_file():
        return source.split.check(renderers.columns_of(source.family, source.unit))
    return source.unit.rows


def _row_chars(source: Source) -> float:
    return (
        source.split.row_bytes() if source.split.path.is_file() else float(assumed()["row_chars"])
    )


def _task(source: Source, rows: int, seeds: int) -> TaskPlan:
    return TaskPlan(
        task=source.task,
        group=source.family.group,
        family=source.family.family,
        domain=source.family.domain,
        language=source.unit.language,
        licence=source.family.licence_of(source.unit),
        available=rows,
        counted="mirror" if source.split.path.is_file() else "catalogue",
        seeds=seeds,
    )


def _shares(tasks: Iterable[TaskPlan], key: Callable[[TaskPlan], str]) -> list[Share]:
    """Sum tasks up by a key, in the order in which its values come."""
    members: dict[str, list[TaskPlan]] = {}
    for task in tasks:
        members.setdefault(key(task), []).append(task)
    rows = max(sum(task.available for group in members.values() for task in group), 1)
    seeds = max(sum(task.seeds for group in members.values() for task in group), 1)
    return [
        Share(
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
                reason=f"seeds.missing=skip: {source.split.name} is not in the mirror",
            )
            for source in located.missing
        ]
    return out


def _notes(
    recipe: Recipe, located: Located, rows: dict[str, int], quotas: Quotas, *, skipping: bool
) -> list[str]:
    notes = list(quotas.notes)
    if located.missing and not skipping:
        where = (
            f"the mirror {recipe.seeds.mirror} lacks"
            if recipe.seeds.mirror
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


def print_plan(plan: Plan, *, as_json: bool) -> None:
    """Print a plan for a person, or as one JSON object."""
    if as_json:
        print(json.dumps(asdict(plan), indent=1))
        return
    _print_shares(plan)
    for reason, tasks in _by_reason(plan.left_out).items():
        print(f"left out: {len(tasks)} tasks, {reason}: {few(tasks)}")
    for phase in plan.phases:
        print(
            f"phase {phase.phase}: {phase.rows:,} rows in {phase.units:,} work units; "
            f"{_worded(phase.work)}"
        )
        for role in phase.roles:
            if role.role == "judge":
                print(f"  of these the judge, {role.model}: {_worded(role.work)}")
    if not plan.phases:
        print("no phases: the run stops after the seeds")
    else:
        hours = "unknown" if plan.gpu_hours is None else f"{plan.gpu_hours:,}"
        models = dict.fromkeys(role.model for phase in plan.phases for role in phase.roles)
        print(f"in all: {_worded(plan.total)}; GPU-hours of {', '.join(models)}: {hours}")
    if plan.record_tokens:
        by_variant = ", ".join(
            f"{variant} {tokens:,}" for variant, tokens in plan.record_tokens.items()
        )
        print(f"records: at most {plan.records:,}; tokens of these: {by_variant}")
    if plan.duplicates:
        print(f"like the questions of that run: {growth_text(plan.duplicates)}")
    if plan.votes:
        votes = "; ".join(worded_vote(vote, claim=plan.claim_votes) for vote in plan.votes)
        print(f"votes: {votes}. {votes_note()}")
    for note in plan.notes:
        print(f"note: {note}")
    for assumption in plan.assumptions:
        print(f"assumed: {assumption}")
    print(f"run directory: {plan.run_directory}")


def _print_shares(plan: Plan) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for column in ("", "tasks", "rows", "share", "seeds", "share"):
        table.add_column(column, justify="right" if column else "left")

    def rows(shares: Iterable[Share]) -> None:
        for share in shares:
            table.add_row(
                share.name,
                f"{share.tasks:,}",
                f"{share.available:,}",
                f"{share.natural_share:.2%}",
                f"{share.seeds:,}",
                f"{share.sampled_share:.2%}",
            )
        table.add_section()

    if len(plan.families) < len(plan.tasks) <= _TASKS_SHOWN:
        rows(_shares(plan.tasks, lambda task: task.task))
    rows(plan.families)
    rows(plan.groups)
    rows(_shares(plan.tasks, lambda _: "all"))
    Console(width=max(Console().width, 100)).print(table)


def _by_reason(left_out: Iterable[LeftOutPlan]) -> dict[str, list[str]]:
    """Tasks by the part of the reason that many share."""
    out: dict[str, list[str]] = {}
    for task in left_out:
        out.setdefault(task.reason.split(":")[0], []).append(task.task)
    return out


def _worded(work: Work) -> str:
    return (
        f"{work.requests_expected:,} requests (at most {work.requests:,}), tokens "
        f"{work.prompt_tokens:,} of prompts "
        f"and {work.completion_tokens:,} of completions (at most {work.completion_tokens_most:,})"
    )
