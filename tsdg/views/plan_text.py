"""Prints a plan."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict

from tsdg.amounts import counted
from tsdg.errors import few
from tsdg.run.estimate import RolePlan, Work, votes_note, worded_vote
from tsdg.run.measure_diversity import growth_text
from tsdg.run.run_plan import SKIPPED, LeftOutPlan, PlanShare, RunPlan, shares_by
from tsdg.views.grid import Column, numbers, print_table, print_text

_COLUMNS = (
    Column(name="", left=True),
    *numbers("tasks", drop=4),
    *numbers("rows", drop=2),
    *numbers("of rows", drop=3),
    *numbers("seeds"),
    *numbers("of seeds"),
    Column(name="poor seeds", left=True, drop=1, least=16),
)
_TASKS_SHOWN = 20
"""A table of more tasks than this is left to ``--json``."""


def print_plan(plan: RunPlan, *, as_json: bool) -> None:
    """Print a plan for a person, or as one JSON object."""
    if as_json:
        print(json.dumps(asdict(plan), indent=1))
        return
    _print_shares(plan)
    for reason, tasks in _by_reason(plan.left_out).items():
        print_text(f"left out: {len(tasks)} tasks, {reason}: {few(tasks)}")
    _print_phases(plan)
    if plan.record_tokens:
        by_variant = ", ".join(
            f"{variant} {tokens:,}" for variant, tokens in plan.record_tokens.items()
        )
        print_text(f"records: at most {plan.records:,}; tokens of these: {by_variant}")
    if plan.duplicates:
        print_text(f"like the questions of that run: {growth_text(plan.duplicates)}")
    if plan.votes:
        votes = "; ".join(worded_vote(vote, claim=plan.claim_votes) for vote in plan.votes)
        print_text(f"votes: {votes}. {votes_note()}")
    for note in plan.notes:
        print_text(f"note: {note}")
    for assumption in plan.assumptions:
        print_text(f"assumed: {assumption}")
    print(f"run directory: {plan.run_directory}")


def _print_phases(plan: RunPlan) -> None:
    for phase in plan.phases:
        print_text(
            f"phase {phase.phase}: {counted(phase.rows, 'row')} in "
            f"{counted(phase.units, 'work unit')}; "
            f"{_worded(phase.work)}"
        )
        for role in phase.roles:
            print_text(f"  {role.role} by {role.model}: {_brief(role)}")
    if not plan.phases:
        print_text("no phases: the run stops after the seeds")
    else:
        hours = "unknown" if plan.gpu_hours is None else f"{plan.gpu_hours:,}"
        models = dict.fromkeys(role.model for phase in plan.phases for role in phase.roles)
        print_text(f"in all: {_worded(plan.total)}; GPU-hours of {', '.join(models)}: {hours}")
    for saving in plan.savings:
        print_text(f"cheaper: {saving.change} would save {saving.gpu_hours:,.0f} GPU-hours")


def _brief(role: RolePlan) -> str:
    work = role.work
    hours = "GPU-hours unknown" if role.gpu_hours is None else f"{role.gpu_hours:,} GPU-hours"
    several = work.replies_expected != work.requests_expected
    replies = f" for {work.replies_expected:,} replies" if several else ""
    return (
        f"{work.requests_expected:,} requests{replies}, tokens {work.prompt_tokens:,} in, "
        f"{work.completion_tokens:,} out, {hours}"
    )


def _print_shares(plan: RunPlan) -> None:
    rows: list[tuple[str, ...]] = []

    def add(shares: Iterable[PlanShare]) -> None:
        rows.extend(
            (
                share.name,
                f"{share.tasks:,}",
                f"{share.available:,}",
                f"{share.natural_share:.2%}",
                f"{share.seeds:,}",
                f"{share.sampled_share:.2%}",
                share.poor,
            )
            for share in shares
        )

    if len(plan.families) < len(plan.tasks) <= _TASKS_SHOWN:
        add(shares_by(plan.tasks, lambda task: task.task))
    add(plan.families)
    parts = len(rows)
    add(plan.groups)
    add(shares_by(plan.tasks, lambda _: "all"))
    columns = _COLUMNS if any(row[-1] for row in rows) else _COLUMNS[:-1]
    print_table(
        columns,
        [row[: len(columns)] for row in rows],
        strong=range(parts, len(rows)),
        kind="families",
    )
    _print_poor([share for share in plan.families if share.poor], _by_reason(plan.left_out))


_MUCH_POOR = 0.02
"""Share of one family of poor seeds, above which a plan says why."""


def _print_poor(families: list[PlanShare], left_out: Mapping[str, list[str]]) -> None:
    """Say how much of the seeds comes from families of poor ones."""
    if not families:
        return
    whole = sum(share.sampled_share for share in families)
    most = max(families, key=lambda share: share.sampled_share)
    print_text(
        f"poor seeds (families with a reason beside their name): {whole:.1%} of all, at most "
        f"{most.sampled_share:.1%} of one family ({most.name})"
    )
    much = [share.name for share in families if share.sampled_share > _MUCH_POOR]
    skipped = len(left_out.get(SKIPPED, []))
    if much and skipped:
        print_text(
            f"more than {_MUCH_POOR:.0%} each: {', '.join(much)}; the mirror lacks {skipped} tasks "
            "beside them: fetch these with `tsdg seeds prefetch`, or leave families out with "
            "seeds.families"
        )


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
