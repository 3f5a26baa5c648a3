"""Pure: what a number of seeds means in requests, tokens, work units and GPU-hours, and what that assumes."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import yaml

from tsdg.config.recipe import Recipe, StepName
from tsdg.generate.prompts import Prompt, Prompts
from tsdg.records import AnswerKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Seeds of one task, and what is to be known of them."""

    kind: AnswerKind
    """Of its prompts."""
    seeds: int
    row_chars: float
    """Mean text of one of its rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What is asked of the model, in one phase or in all."""

    requests: int
    """At most: no row is rejected, no vote stops early."""
    requests_expected: int
    prompt_tokens: int
    """Of the expected requests."""
    completion_tokens: int
    """Likewise."""
    completion_tokens_most: int
    """All requests, each reply as long as it may be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhasePlan:
    """One phase."""

    phase: str
    rows: int
    """Input rows, at most."""
    units: int
    """Work units."""
    work: Work
    gpu_hours: float | None
    """None where nobody assumed a throughput."""


@cache
def assumed() -> Mapping[str, Any]:
    """The figures of ``data/plan.yaml``."""
    text = (resources.files("tsdg.views") / "data/plan.yaml").read_text(encoding="utf-8")
    figures: dict[str, Any] = yaml.safe_load(text)
    return figures


def plan_phases(recipe: Recipe, prompts: Prompts, loads: Sequence[Load]) -> list[PhasePlan]:
    """Work out every phase of a recipe."""
    out = []
    for steps in recipe.phases:
        rows = sum(load.seeds for load in loads) * (1 if steps[0] == "questions" else recipe.questions.per_seed)
        work = add([_step(step, recipe, prompts, load) for step in steps for load in loads])
        rate = recipe.model.throughput.get(recipe.hardware)
        out.append(
            PhasePlan(
                phase="-".join(steps),
                rows=rows,
                units=math.ceil(rows / recipe.engine.unit_rows),
                work=work,
                gpu_hours=round(work.completion_tokens / rate / 3600, 2) if rate else None,
            )
        )
    return out


def add(parts: Sequence[Work]) -> Work:
    """Sum up."""
    return Work(**{name: sum(getattr(part, name) for part in parts) for name in Work.__dataclass_fields__})


def record_tokens(recipe: Recipe, questions: int) -> dict[str, int]:
    """Tokens of the records that so many questions give, by variant, if every one is accepted."""
    steps = {step for phase in recipe.phases for step in phase}
    variants = recipe.answers.variants if "answers" in steps else ()
    thinking = {"reasoning": assumed()["thinking_tokens"] if recipe.model.reasoning_parser else 0}
    return {
        variant: questions * (assumed()["record_tokens"][variant] + thinking.get(variant, 0)) for variant in variants
    }


def assumptions(recipe: Recipe) -> list[str]:
    """What the figures rest on, one line each."""
    figures, model = assumed(), recipe.model
    reply = ", ".join(f"{step} {_reply(step, recipe):,.0f}" for step in ("questions", "answers", "enrich"))
    rate = model.throughput.get(recipe.hardware)
    return [
        "every row of the splits is good, and no question is rejected",
        f"votes end half-way between answers.first_round and answers.samples: {_samples(recipe):g} samples a question",
        f"mean reply tokens, at most max_tokens: {reply}"
        + (f" (with {figures['thinking_tokens']:,} of thinking)" if model.reasoning_parser else ""),
        f"prompts: their text, examples and the mean row, {figures['chars_per_token']:g} characters a token",
        f"{rate:,.0f} completion tokens a second of one {recipe.hardware} GPU (model.throughput); without server starts"
        if rate
        else f"no GPU-hours: model.throughput has no {recipe.hardware}",
    ]


def _samples(recipe: Recipe) -> float:
    return (recipe.answers.first_round + recipe.answers.samples) / 2


def _reply(step: str, recipe: Recipe) -> float:
    """Mean tokens of one reply."""
    key = "answers_reasoning" if step == "answers" and recipe.answers.reasoning else step
    mean: float = assumed()["reply_tokens"][key] + (
        assumed()["thinking_tokens"] if recipe.model.reasoning_parser else 0
    )
    return min(mean, _most(step, recipe))


def _most(step: str, recipe: Recipe) -> int:
    sampling = {"questions": recipe.questions.sampling, "answers": recipe.answers.sampling}
    return sampling.get(step, recipe.answers.enrich).max_tokens


def _step(step: StepName, recipe: Recipe, prompts: Prompts, load: Load) -> Work:
    questions = load.seeds * recipe.questions.per_seed
    if step == "questions":
        return _requests("questions", recipe, prompts, load, most=questions, expected=questions)
    most, expected = questions * recipe.answers.samples, math.ceil(questions * _samples(recipe))
    work = [_requests("answers", recipe, prompts, load, most=most, expected=expected)]
    if "context" in recipe.answers.variants:
        work.append(_requests("enrich", recipe, prompts, load, most=questions, expected=questions))
    return add(work)


def _requests(step: str, recipe: Recipe, prompts: Prompts, load: Load, *, most: int, expected: int) -> Work:
    few_shot = {"questions": recipe.questions.few_shot, "answers": recipe.answers.few_shot}.get(step, 0)
    chars = _chars(prompts.get(step, load.kind), few_shot) + load.row_chars  # type: ignore[arg-type]
    return Work(
        requests=most,
        requests_expected=expected,
        prompt_tokens=round(expected * chars / assumed()["chars_per_token"]),
        completion_tokens=round(expected * _reply(step, recipe)),
        completion_tokens_most=most * _most(step, recipe),
    )


def _chars(prompt: Prompt, few_shot: int) -> float:
    """Characters of a prompt with its examples, before the row's own fields."""
    examples = [len(json.dumps([dict(example.user), dict(example.reply)])) for example in prompt.examples]
    shown = min(few_shot, len(examples)) * (sum(examples) / len(examples)) if examples else 0.0
    return len(prompt.system) + len(prompt.user) + shown
