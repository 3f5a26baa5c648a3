"""Rows, recipes and a scripted server for the tests of the generate wing."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tsdg.config.models import ModelConfig
from tsdg.config.questions import KinConfig, QuestionsConfig
from tsdg.config.recipe import AnswersConfig, PromptConfig
from tsdg.config.sampling import SamplingConfig
from tsdg.errors import PermanentError
from tsdg.generate.answer_case import AnswerModels
from tsdg.generate.prompt_files import load_prompts
from tsdg.generate.prompts import Prompts
from tsdg.protocols import Choice, Reply, Request
from tsdg.records import NO_PLAN, AnswerKind, Provenance, Question, Seed, Source
from tsdg.rowform import stable_id

RECIPES = Path(__file__).parents[2] / "recipes"


@cache
def prompt_set(name: str = "default") -> Prompts:
    config = yaml.safe_load((RECIPES / "prompt" / f"{name}.yaml").read_text(encoding="utf-8"))
    return load_prompts(PromptConfig(**config), RECIPES)


def model(**over: Any) -> ModelConfig:
    values: dict[str, Any] = {
        "name": "test-model",
        "path": "/nowhere",
        "revision": "1",
        "licence": "Apache-2.0",
        "note": "",
        "max_model_len": 2048,
        "reasoning_parser": "",
        "tensor_parallel": 1,
        "pipeline_parallel": 1,
        "sampling": {"temperature": 0.7, "top_p": 0.95, "max_tokens": 32},
        "parallelism": {},
        "throughput": {},
        "flags": {},
    }
    return ModelConfig(**{**values, **over})


def solvers(solver: ModelConfig) -> AnswerModels:
    """One model for all of stage 3."""
    return AnswerModels(solver=solver, enricher=solver)


SAMPLING = SamplingConfig(temperature=0.7, top_p=0.95, max_tokens=100)


def questions_config(**over: Any) -> QuestionsConfig:
    values: dict[str, Any] = {
        "per_seed": 2,
        "plan": False,
        "doubtful": "reject",
        "ways": {},
        "kin": KinConfig(items=0, sets=4, max_chars=3000),
        "few_shot": 2,
        "topics": True,
        "structured": True,
        "stand_alone": False,
        "max_overlap": 0.6,
        "max_duplicates": 1.0,
        "sampling": SAMPLING,
    }
    return QuestionsConfig(**{**values, **over})


def answers_config(**over: Any) -> AnswersConfig:
    values: dict[str, Any] = {
        "samples": 5,
        "free_samples": 5,
        "first_round": 3,
        "few_shot": 0,
        "show_options": True,
        "rationale": "written",
        "structured": True,
        "min_share": 0.6,
        "min_margin": 1,
        "max_chance": 0.2,
        "min_yield": 0.7,
        "claim": "record",
        "variants": ("answer", "reasoning"),
        "sampling": SAMPLING,
        "max_tokens": {},
        "enrich": SAMPLING,
    }
    return AnswersConfig(**{**values, **over})


SEEDS: dict[str, dict[str, Any]] = {
    "choice": {
        "question": "Which part of a plant takes up water from the soil?",
        "options": ("the roots", "the petals", "the seeds", "the bark"),
        "answer": "the roots",
        "domain": "science",
    },
    "number": {
        "question": "A crate holds 12 jars. How many jars are in 7 crates?",
        "answer": "84",
        "domain": "math",
    },
    "math": {"question": "What is $\\gcd(12, 18)$?", "answer": "6", "domain": "math"},
    "short_text": {
        "question": "Which sea lies between Italy and Croatia?",
        "answer": "the Adriatic",
        "domain": "factual",
    },
    "text": {
        "question": "Explain in one sentence why bread rises.",
        "answer": "Yeast makes gas.",
        "domain": "general",
    },
    "code": {
        "question": "Write a function halve(n) that returns half of n.",
        "answer": "def halve(n):\n    return n / 2",
        "checks": ("assert halve(4) == 2", "assert halve(0) == 0", "assert halve(1) == 0.5"),
        "domain": "code",
    },
    "boolean": {"question": "Is a whale a fish?", "answer": "no", "domain": "science"},
    "json": {
        "question": "Extract the order: two teas.",
        "answer": '{"tea": 2}',
        "checks": ('{"type": "object", "properties": {"tea": {"type": "integer"}}}',),
        "domain": "code",
    },
}


def seed(kind: AnswerKind = "choice", **over: Any) -> Seed:
    values = {**SEEDS[kind], **over}
    options = tuple(values.get("options", ()))
    return Seed(
        classes=values.get("classes", False),
        solution=values.get("solution", ""),
        level=values.get("level", ""),
        subject=values.get("subject", ""),
        seed_id=values.get("seed_id", stable_id("seed", kind, values["question"])),
        group="knowledge",
        family=values.get("family", "family"),
        task=values.get("task", "task"),
        output_type="multiple_choice" if options else "generate_until",
        answer_kind=kind,
        question=values["question"],
        context=values.get("context", ""),
        options=options,
        answer=values["answer"],
        answer_index=options.index(values["answer"]) if options else -1,
        aliases=(),
        checks=tuple(values.get("checks", ())),
        option_order=tuple(range(len(options))),
        domain=values["domain"],
        language=values.get("language", "en"),
        licence="MIT",
        source=Source(dataset_path="p", config="", split="train", row=0, revision=""),
    )


def question(kind: AnswerKind = "choice", **over: Any) -> Question:
    values = {**SEEDS[kind], **over}
    return Question(
        classes=False,
        plan=NO_PLAN,
        question_id=values.get("question_id", stable_id("question", kind)),
        seed_ids=("s",),
        group="knowledge",
        family="family",
        task="task",
        domain=values["domain"],
        language="en",
        licence="MIT",
        answer_kind=kind,
        question=values["question"],
        context=values.get("context", ""),
        options=tuple(values.get("options", ())),
        claimed_answer="CLAIMED-BY-THE-GENERATOR",
        checks=tuple(values.get("checks", ())),
        provenance=Provenance(
            model="m", prompt="p", prompt_hash="h", sampling="{}", request_id="r"
        ),
    )


def reply(
    *texts: str, finish: str = "stop", reasoning: str = "", prompt: int = 10, completion: int = 7
) -> Reply:
    choices = tuple(Choice(text=text, reasoning=reasoning, finish_reason=finish) for text in texts)
    return Reply(choices=choices, prompt_tokens=prompt, completion_tokens=completion)


def as_json(**fields: Any) -> str:
    return json.dumps(fields, ensure_ascii=False)


class ScriptedAsk:
    """Answers each request from a function and records it; ``None`` is a failure."""

    def __init__(self, script: Callable[[Request], Reply | None]) -> None:
        self._script = script
        self.requests: list[Request] = []

    async def __call__(self, request: Request) -> Reply:
        self.requests.append(request)
        answer = self._script(request)
        if answer is None:
            raise PermanentError("too_long", "the prompt does not fit")
        return answer
