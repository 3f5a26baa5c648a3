"""Estimates requests, tokens, work units and GPU-hours from seeds. Pure.

Each estimate comes with the assumptions that it rests on.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from typing import Any

import yaml

from tsdg.config.models import ThroughputConfig
from tsdg.config.recipe import Recipe, Role, StepName
from tsdg.config.roles import asked_model, base_model
from tsdg.generate.prompts import Prompts
from tsdg.generate.voteplan import SOLVER, VotePlan, expected_yield, plan_of, second_plan
from tsdg.layout import phase_name
from tsdg.records import AnswerKind
from tsdg.run.measured import Measured
from tsdg.run.prompt_length import PromptLength
from tsdg.run.roles import roles_of

_OPTIONS = (2, 3, 4, 5, 10, 0)
"""Numbers of options whose votes a plan shows; 0 where the answers are not bounded."""
_MANY = 1000
"""Possible answers where their number has no bound: wrong ones hardly agree."""
_USUAL = 4
"""Options that a question with options is taken to have."""
ORDERS = 2
"""A judge sees two responses in both orders (:mod:`tsdg.generate.judge`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskLoad:
    """Seeds of one task, and what an estimate needs to know about them."""

    kind: AnswerKind
    """Of its prompts."""
    seeds: int
    row_chars: float
    """Mean text of one of its rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """The requests made of a model, in one phase or in all."""

    requests: int
    """At most: no row is rejected, no vote stops early."""
    requests_expected: int
    replies_expected: int
    """Completions of these: samples of one prompt are asked for together."""
    prompt_tokens: int
    """Of the expected requests."""
    completion_tokens: int
    """Likewise."""
    completion_tokens_most: int
    """All requests, each reply as long as it may be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RolePlan:
    """What one role does in a phase."""

    role: Role
    model: str
    work: Work
    gpu_hours: float | None
    """None where nobody assumed a throughput of its model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhasePlan:
    """One phase."""

    phase: str
    rows: int
    """Input rows, at most."""
    units: int
    """Work units."""
    work: Work
    """Of all roles."""
    roles: list[RolePlan]
    """Its steps, and the judge if it judges their results."""
    gpu_hours: float | None
    """None where nobody assumed a throughput of one of its models."""


@cache
def assumed() -> Mapping[str, Any]:
    """The figures of ``data/plan.yaml``."""
    text = (resources.files("tsdg.run") / "data/plan.yaml").read_text(encoding="utf-8")
    figures: dict[str, Any] = yaml.safe_load(text)
    return figures


def plan_phases(
    recipe: Recipe,
    prompts: Prompts,
    loads: Sequence[TaskLoad],
    measured: Mapping[Role, Measured] | None = None,
    length: PromptLength | None = None,
) -> list[PhasePlan]:
    """Work out every phase of a recipe.

    Args:
        recipe: the recipe.
        prompts: its prompts.
        loads: the seeds, by task.
        measured: what requests of a role took in another run; else it is assumed.
        length: of the prompts, where recipes that ask alike are planned; else it is measured.
    """
    length = length or PromptLength(recipe, prompts)
    out = []
    for steps in recipe.phases:
        rows = sum(load.seeds for load in loads) * (
            recipe.questions.per_seed if steps[0] == "answers" else 1
        )
        roles = [
            _priced(recipe, role, _work(role, steps, recipe, length, loads), measured or {})
            for role in roles_of(recipe, steps)
        ]
        hours = [plan.gpu_hours for plan in roles if plan.gpu_hours is not None]
        out.append(
            PhasePlan(
                phase=phase_name(steps),
                rows=rows,
                units=math.ceil(rows / recipe.engine.unit_rows),
                work=add([plan.work for plan in roles]),
                roles=roles,
                gpu_hours=round(sum(hours), 2) if len(hours) == len(roles) else None,
            )
        )
    return out


def _work(
    role: Role,
    steps: Sequence[StepName],
    recipe: Recipe,
    length: PromptLength,
    loads: Sequence[TaskLoad],
) -> Work:
    if role == "judge":
        return add([_judging(step, recipe, load) for step in steps for load in loads])
    return add([_step(role, recipe, length, load) for load in loads])


def _priced(recipe: Recipe, role: Role, work: Work, measured: Mapping[Role, Measured]) -> RolePlan:
    model = asked_model(recipe, role)
    if role in measured:
        work = replace(
            work,
            prompt_tokens=round(work.replies_expected * measured[role].prompt),
            completion_tokens=round(work.replies_expected * measured[role].completion),
        )
    rate = model.throughput.get(recipe.hardware)
    return RolePlan(
        role=role,
        model=model.name,
        work=work,
        gpu_hours=round(hours_of(work, rate), 2) if rate else None,
    )


def hours_of(work: Work, rate: ThroughputConfig) -> float:
    """GPU-hours of some work: its prompts and its completions one after the other."""
    seconds = work.prompt_tokens / rate.prompt + work.completion_tokens / rate.completion
    return seconds / 3600


def add(parts: Sequence[Work]) -> Work:
    """Sum up."""
    return Work(
        **{name: sum(getattr(part, name) for part in parts) for name in Work.__dataclass_fields__}
    )


def record_tokens(recipe: Recipe, questions: int) -> dict[str, int]:
    """Tokens of the records that so many questions give, by variant, if every one is accepted."""
    steps = {step for phase in recipe.phases for step in phase}
    variants = recipe.answers.variants if "answers" in steps else ()
    trace = thinking_tokens("answers", recipe) if recipe.answers.rationale == "trace" else 0
    return {
        variant: questions
        * (assumed()["record_tokens"][variant] + (0 if variant == "answer" else trace))
        for variant in variants
    }


def vote_plans(recipe: Recipe) -> list[VotePlan]:
    """The votes over the usual numbers of options, and last where the answers are not bounded."""
    steps = {step for phase in recipe.phases for step in phase}
    plans = [plan_of(recipe.answers, options) for options in _OPTIONS] if "answers" in steps else []
    return [plan for plan in plans if plan is not None]


def samples_of(recipe: Recipe, kind: AnswerKind) -> tuple[int, float]:
    """Samples of a question of a kind: at most, and expected."""
    config = recipe.answers
    bounded = {"choice": _OPTIONS[:-1], "boolean": _OPTIONS[:1]}.get(kind, (0,))
    plans = [plan for plan in (plan_of(config, n) for n in bounded) if plan is not None]
    claim = int(config.claim == "vote" and kind != "text")
    usual = plan_of(config, {"choice": _USUAL, "boolean": _OPTIONS[0]}.get(kind, 0))
    most = max((plan.votes for plan in plans), default=claim) - claim
    return most, (usual.needed + usual.votes) / 2 - claim if usual else 0.0


def thinking_tokens(role: Role, recipe: Recipe) -> int:
    """Tokens of a reply that are thinking, by who writes it."""
    model = asked_model(recipe, role)
    if not model.reasoning_parser:
        return 0
    table: Mapping[str, int] = assumed()["thinking_tokens"]
    # A role may name an effort that its model does not know; one that does has it in its file.
    knows = "reasoning_effort" in base_model(recipe, role).request
    effort = str(model.request["reasoning_effort"]) if knows else ""
    return table.get(effort, table["default"])


def reply_tokens(kind: Role, recipe: Recipe) -> float:
    """Mean tokens of one reply: of the steps, of ``enrich`` and of the ``judge``."""
    solves = kind in ("answers", "escalate")
    written = solves and recipe.answers.rationale != "trace"
    key = "answers_written" if written else "answers" if solves else kind
    mean: float = assumed()["reply_tokens"][key] + thinking_tokens(kind, recipe)
    if kind == "questions" and recipe.questions.plan:
        mean += assumed()["reply_tokens"]["plan"]
    return min(mean, _most(kind, recipe))


def _most(kind: Role, recipe: Recipe) -> int:
    sampling = {
        "study": recipe.study.sampling,
        "questions": recipe.questions.sampling,
        "answers": recipe.answers.sampling,
        "escalate": (recipe.answers.second or recipe.answers).sampling,
        "enrich": recipe.answers.enrich,
        "judge": recipe.judge.sampling,
    }
    return sampling[kind].max_tokens


def _step(step: Role, recipe: Recipe, length: PromptLength, load: TaskLoad) -> Work:
    questions = load.seeds * recipe.questions.per_seed
    if step == "study":
        studied = round(load.seeds * recipe.study.share)
        return _requests("study", recipe, length, load, most=studied, expected=studied)
    if step == "questions":
        return _requests("questions", recipe, length, load, most=questions, expected=questions)
    at_most, usual = samples_of(recipe, load.kind)
    if recipe.answers.second and load.kind in recipe.answers.second.kinds:
        at_most, usual = 0, 0.0
    if step == "escalate":
        return _escalated(recipe, length, load)
    if step == "enrich":
        return _requests("enrich", recipe, length, load, most=questions, expected=questions)
    chosen = _is_chosen(recipe, load)
    drawn = (float(at_most), float(at_most) if chosen else usual)
    return _voting("answers", recipe, length, load, drawn=drawn, asked=(questions, questions))


def _voting(
    step: Role,
    recipe: Recipe,
    length: PromptLength,
    load: TaskLoad,
    *,
    drawn: tuple[float, float],
    asked: tuple[float, float],
) -> Work:
    """The samples of a vote: those of one round are one request, where their prompts are equal.

    Args:
        step: whose they are.
        recipe: the recipe.
        length: of its prompts.
        load: the seeds of a task.
        drawn: samples of a question, at most and expected.
        asked: questions that are voted on, at most and expected.
    """
    config = recipe.answers
    first = drawn[0] if _is_chosen(recipe, load) else min(config.first_round, drawn[0])
    apart = config.few_shot or (config.show_options and load.kind == "choice")
    most, usual = drawn
    if not apart and most:
        most, usual = 1 + most - first, 1.0 + (usual > first)
    return _requests(
        step,
        recipe,
        length,
        load,
        most=round(asked[0] * most),
        expected=math.ceil(asked[1] * usual),
        replies=(round(asked[0] * drawn[0]), math.ceil(asked[1] * drawn[1])),
    )


def _escalated(recipe: Recipe, length: PromptLength, load: TaskLoad) -> Work:
    """What goes on to the stronger solver: of a quick one that is right in :data:`SOLVER`."""
    config, second = recipe.answers, recipe.answers.second
    assert second is not None
    options = {"choice": _USUAL, "boolean": _OPTIONS[0]}.get(load.kind, 0)
    first = None if load.kind in second.kinds else plan_of(config, options)
    plan = second_plan(config, second, first, options)
    if plan is None or _is_chosen(recipe, load):
        return _requests("escalate", recipe, length, load, most=0, expected=0)
    passed = _passed(first, recipe) if first else 0.0
    share = (1 - passed) if first is None or "undecided" in second.when else 0.0
    share += passed * assumed()["disagrees"] * ("disagrees" in second.when)
    questions = load.seeds * recipe.questions.per_seed
    drawn = (float(plan.votes), (plan.needed + plan.votes) / 2)
    asked = (float(questions), questions * share)
    return _voting("escalate", recipe, length, load, drawn=drawn, asked=asked)


def _passed(plan: VotePlan, recipe: Recipe) -> float:
    """Share of the questions that a vote decides, of a solver right in :data:`SOLVER`."""
    if plan.passed is not None:
        return plan.passed
    margin = recipe.answers.min_margin
    return expected_yield(
        options=_MANY, votes=plan.votes, needed=plan.needed, margin=margin, right=SOLVER
    )


def _is_chosen(recipe: Recipe, load: TaskLoad) -> bool:
    """Whether the judge chooses among all samples of free texts, instead of a vote."""
    return load.kind == "text" and recipe.judge.enabled and recipe.judge.best_of


def _judging(step: StepName, recipe: Recipe, load: TaskLoad) -> Work:
    """The judge's requests in one step; each comparison shows the task and two responses."""
    judge, rows = recipe.judge, load.seeds * recipe.questions.per_seed
    row = load.row_chars / assumed()["chars_per_token"]
    if step == "questions":
        return _comparisons(recipe, rows if judge.question_min_score else 0, tokens=3 * row)
    rivals = samples_of(recipe, load.kind)[0] - 1 if _is_chosen(recipe, load) else 0
    rows *= bool(judge.min_score) + rivals
    response = reply_tokens("answers", recipe) - thinking_tokens("answers", recipe)
    return _comparisons(recipe, rows, tokens=row + 2 * response)


def _comparisons(recipe: Recipe, count: int, *, tokens: float) -> Work:
    asked = count * ORDERS
    said = (
        sum(map(len, (recipe.judge.rubric, *recipe.judge.principles)))
        / assumed()["chars_per_token"]
    )
    return Work(
        requests=asked,
        requests_expected=asked,
        replies_expected=asked,
        prompt_tokens=round(asked * (tokens + said)),
        completion_tokens=round(asked * reply_tokens("judge", recipe)),
        completion_tokens_most=asked * _most("judge", recipe),
    )


def _requests(
    step: Role,
    recipe: Recipe,
    length: PromptLength,
    load: TaskLoad,
    *,
    most: int,
    expected: int,
    replies: tuple[int, int] | None = None,
) -> Work:
    """Requests of one reply each, or of ``replies`` in all, at most and expected."""
    replies_most, replies_expected = replies or (most, expected)
    chars = length.of(step, load.kind) + load.row_chars
    if step == "questions":
        chars += _kin(recipe, load)
    return Work(
        requests=most,
        requests_expected=expected,
        replies_expected=replies_expected,
        prompt_tokens=round(expected * chars / assumed()["chars_per_token"]),
        completion_tokens=round(replies_expected * reply_tokens(step, recipe)),
        completion_tokens_most=replies_most * _most(step, recipe),
    )


def _kin(recipe: Recipe, load: TaskLoad) -> float:
    """Characters of the kin that a prompt shows beside its seed."""
    kin = recipe.questions.kin
    return min(kin.items * load.row_chars, kin.max_chars if kin.items else 0)


def worded_vote(plan: VotePlan, *, claim: bool) -> str:
    """A vote as ``tsdg plan`` prints it."""
    who = f"{plan.options} options" if plan.options else "unbounded answers"
    votes = f"{who} need {plan.needed} of {plan.votes}" + (" with the claim" if claim else "")
    return votes if plan.passed is None else f"{votes} ({plan.passed:.0%} pass)"


def votes_note() -> str:
    """What the shares of :func:`worded_vote` mean."""
    return f"pass: of the questions of a solver that is right in {SOLVER:.0%}"
