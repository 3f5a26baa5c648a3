"""What a run would do: tasks, rows, units, requests and tokens, from the recipe and the mirror's footers alone."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from tsdg.generate.prompts import Prompt
from tsdg.pipeline.prepare import Prepared
from tsdg.seeds import catalogue

CHARS_PER_TOKEN = 4.0
"""Rough, and only for prompts: a planner must not load a tokenizer."""


@dataclass(frozen=True, kw_only=True)
class TaskPlan:
    """One task's share of a run; upper bounds, as rejections are not known before."""

    task: str
    available: int
    """Rows of its training split."""
    seeds: int
    questions: int
    answer_requests: int
    enrich_requests: int


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a run would do."""

    run_directory: str
    model: str
    phases: list[list[str]]
    tasks: list[TaskPlan]
    units: int
    """Work units of the first phase."""
    requests: int
    """At most: no vote stops early, nothing is rejected."""
    prompt_tokens: int
    completion_tokens: int
    """At most: every reply runs to its token limit."""
    assumptions: list[str]


def make_plan(prepared: Prepared) -> Plan:
    """Work out the plan, without side effects.

    Raises:
        MirrorUnfit: a split cannot be read.
    """
    recipe = prepared.recipe
    steps = {step for phase in recipe.phases for step in phase}
    tasks = []
    prompt_chars = 0.0
    for source in prepared.sources:
        available = source.split.check(()) if source.split.path.is_file() else 0
        seeds = min(available, recipe.seeds.cap_per_task)
        questions = seeds * recipe.questions.per_seed if "questions" in steps else 0
        answers = questions * recipe.answers.samples if "answers" in steps else 0
        enrich = questions if answers and "context" in recipe.answers.variants else 0
        tasks.append(
            TaskPlan(
                task=source.task,
                available=available,
                seeds=seeds,
                questions=questions,
                answer_requests=answers,
                enrich_requests=enrich,
            )
        )
        kind = catalogue.load().answer_kind_of(source.unit)
        prompt_chars += questions * _chars(prepared.prompts.get("questions", kind), recipe.questions.few_shot)
        prompt_chars += answers * _chars(prepared.prompts.get("answers", kind), recipe.answers.few_shot)
        prompt_chars += enrich * _chars(prepared.prompts.get("enrich", kind), 0)
    questions = sum(task.questions for task in tasks)
    answers = sum(task.answer_requests for task in tasks)
    enrich = sum(task.enrich_requests for task in tasks)
    return Plan(
        run_directory=str(prepared.directory),
        model=recipe.model.name,
        phases=[list(phase) for phase in recipe.phases],
        tasks=tasks,
        units=math.ceil(sum(task.seeds for task in tasks) / recipe.engine.unit_rows),
        requests=questions + answers + enrich,
        prompt_tokens=round(prompt_chars / CHARS_PER_TOKEN),
        completion_tokens=questions * recipe.questions.sampling.max_tokens
        + answers * recipe.answers.sampling.max_tokens
        + enrich * recipe.answers.enrich.max_tokens,
        assumptions=[
            "upper bounds: no row is rejected, no vote stops early, every reply runs to its token limit",
            f"prompts with their examples but without the seed's own text, {CHARS_PER_TOKEN:g} characters a token",
        ],
    )


def _chars(prompt: Prompt, few_shot: int) -> float:
    """Characters of a prompt with its examples, before the row's own fields."""
    examples = [len(json.dumps([dict(example.user), dict(example.reply)])) for example in prompt.examples]
    shown = min(few_shot, len(examples)) * (sum(examples) / len(examples)) if examples else 0.0
    return len(prompt.system) + len(prompt.user) + shown


def print_plan(plan: Plan, *, as_json: bool) -> None:
    """Print a plan for a person, or as one JSON object."""
    values: Mapping[str, Any] = asdict(plan)
    if as_json:
        print(json.dumps(values, indent=1))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for column in ("task", "rows", "seeds", "questions", "answer requests"):
        table.add_column(column, justify="left" if column == "task" else "right")
    for task in plan.tasks:
        table.add_row(
            task.task, *(f"{n:,}" for n in (task.available, task.seeds, task.questions, task.answer_requests))
        )
    Console().print(table)
    print(f"phases: {' then '.join('+'.join(phase) for phase in plan.phases) or 'none: stops after the seeds'}")
    print(f"model: {plan.model}; work units: {plan.units:,}; requests: at most {plan.requests:,}")
    print(f"tokens: at most {plan.prompt_tokens:,} of prompts and {plan.completion_tokens:,} of completions")
    for assumption in plan.assumptions:
        print(f"  assumed: {assumption}")
    print(f"run directory: {plan.run_directory}")
