"""Prints a plan."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict

from tsdg.errors import few
from tsdg.run.estimate import RolePlan, Work, votes_note, worded_vote
from tsdg.run.measure_diversity import growth_text
from tsdg.run.run_plan import LeftOutPlan, PlanShare, RunPlan, shares_by

_TASKS_SHOWN = 20
"""A table of more tasks than this is left to ``--json``."""


def print_plan(plan: RunPlan, *, as_json: bool) -> None:
    """Print a plan for a person, or as one JSON object."""
    if as_json:
        print(json.dumps(asdict(plan), indent=1))
        return
    _print_shares(plan)
    for reason, tasks in _by_reason(plan.left_out).items():
        print(f"left out: {len(tasks)} tasks, {reason}: {few(tasks)}")
    _print_phases(plan)
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


def _print_phases(plan: RunPlan) -> None:
    for phase in plan.phases:
        print(
            f"phase {phase.phase}: {phase.rows:,} rows in {phase.units:,} work units; "
            f"{_worded(phase.work)}"
        )
        for role in phase.roles:
            print(f"  {role.role} by {role.model}: {_brief(role)}")
    if not plan.phases:
        print("no phases: the run stops after the seeds")
    else:
        hours = "unknown" if plan.gpu_hours is None else f"{plan.gpu_hours:,}"
        models = dict.fromkeys(role.model for phase in plan.phases for role in phase.roles)
        print(f"in all: {_worded(plan.total)}; GPU-hours of {', '.join(models)}: {hours}")
    for saving in plan.savings:
        print(f"cheaper: {saving.change} would save {saving.gpu_hours:,.0f} GPU-hours")


def _brief(role: RolePlan) -> str:
    work = role.work
    hours = "GPU-hours unknown" if role.gpu_hours is None else f"{role.gpu_hours:,} GPU-hours"
    return (
        f"{work.requests_expected:,} requests, tokens {work.prompt_tokens:,} in, "
        f"{work.completion_tokens:,} out, {hours}"
    )


def _print_shares(plan: RunPlan) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for column in ("", "tasks", "rows", "share", "seeds", "share"):
        table.add_column(column, justify="right" if column else "left")

    def rows(shares: Iterable[PlanShare]) -> None:
        for share in shares:
            table.add_row(
                f"{share.name} ({share.poor})" if share.poor else share.name,
                f"{share.tasks:,}",
                f"{share.available:,}",
                f"{share.natural_share:.2%}",
                f"{share.seeds:,}",
                f"{share.sampled_share:.2%}",
            )
        table.add_section()

    if len(plan.families) < len(plan.tasks) <= _TASKS_SHOWN:
        rows(shares_by(plan.tasks, lambda task: task.task))
    rows(plan.families)
    rows(plan.groups)
    rows(shares_by(plan.tasks, lambda _: "all"))
    Console(width=max(Console().width, 100)).print(table)
    _print_poor([share for share in plan.families if share.poor])


def _print_poor(families: list[PlanShare]) -> None:
    """Say how much of the seeds comes from families of poor ones."""
    if families:
        whole = sum(share.sampled_share for share in families)
        most = max(families, key=lambda share: share.sampled_share)
        print(
            f"poor seeds (families with a reason beside their name): {whole:.1%} of all, at most "
            f"{most.sampled_share:.1%} of one family ({most.name})"
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
