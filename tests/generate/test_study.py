"""The study of a seed: one short request, and what of its reply can be used."""

from __future__ import annotations

import asyncio
from functools import cache
from typing import Any

import pytest
import yaml

from generate.rows import RECIPES, SAMPLING, ScriptedAsk, as_json, model, reply, seed
from tsdg.config.recipe import PromptConfig
from tsdg.config.study import StudyConfig, StudySharesConfig
from tsdg.errors import PermanentError
from tsdg.generate.prompt_files import load_prompts
from tsdg.generate.prompts import Prompts
from tsdg.generate.study import Studied, StudyStep
from tsdg.protocols import Request
from tsdg.records import Seed

GOOD: dict[str, Any] = {
    "skill": "naming what a part of a plant does",
    "field": "biology",
    "subfield": "Plant physiology.",
    "concepts": ["root function", "Water uptake", "Root functions"],
    "difficulty": 2,
    "steps": 1,
}


@cache
def prompts(name: str = "default") -> Prompts:
    values = yaml.safe_load((RECIPES / "prompt" / f"{name}.yaml").read_text(encoding="utf-8"))
    return load_prompts(PromptConfig(**values), RECIPES, study=True)


def config(**over: Any) -> StudyConfig:
    values: dict[str, Any] = {
        "share": 1.0,
        "aim": True,
        "structured": True,
        "shares": StudySharesConfig(field={}, difficulty={}),
        "sampling": SAMPLING,
    }
    return StudyConfig(**{**values, **over})


def study(row: Seed, answer: Any, **over: Any) -> tuple[Studied, list[Request]]:
    script = ScriptedAsk(lambda _: answer)
    step = StudyStep(config=config(**over), model=model(), prompts=prompts(), seed=7)
    return asyncio.run(step(row, script)), script.requests


def test_a_reply_becomes_a_study_with_each_concept_once() -> None:
    row = seed()
    made, requests = study(row, reply(as_json(**GOOD)))
    (one,) = made.studies
    assert (one.seed_id, one.task, one.flaw) == (row.seed_id, row.task, "")
    assert one.concepts == ("root function", "Water uptake")
    assert (one.field, one.subfield, one.difficulty, one.steps) == (
        "biology",
        "Plant physiology",
        2,
        1,
    )
    assert one.provenance.request_id == requests[0].request_id
    (usage,) = made.usage
    assert (usage.stage, usage.requests) == ("study", 1)


def test_the_request_shows_the_seed_with_its_answer() -> None:
    row = seed(context="p" * 5000)
    _, (plain,) = study(row, reply(as_json(**GOOD)))
    text = plain.body["messages"][-1]["content"]
    assert row.question in text
    assert f"Correct answer: {row.answer}" in text
    assert all(f"- {option}" in text for option in row.options)
    assert "p" * 1000 in text
    assert "p" * 2000 not in text
    assert "chat_template_kwargs" not in plain.body
    assert "response_format" in plain.body
    _, (free,) = study(row, reply(as_json(**GOOD)), structured=False)
    assert "response_format" not in free.body


@pytest.mark.parametrize(
    ("answer", "flaw"),
    [
        (reply("no idea"), "bad_schema"),
        (reply(as_json(**{**GOOD, "concepts": ["roots"]})), "bad_schema"),
        (reply(as_json(**{**GOOD, "concepts": ["roots", "Root", "—"]})), "bad_format"),
        (reply(as_json(**{**GOOD, "field": "—"})), "bad_format"),
        (reply(as_json(**{**GOOD, "subfield": "s" * 200})), "bad_format"),
        (reply(as_json(**GOOD), finish="length"), "truncated"),
        (PermanentError("server_gone", "no server"), "request_failed"),
    ],
)
def test_a_reply_that_cannot_be_used_says_why(answer: Any, flaw: str) -> None:
    made, _ = study(seed(), answer)
    (one,) = made.studies
    assert (one.flaw, one.field, one.concepts, one.difficulty) == (flaw, "", (), 0)


def test_a_share_of_the_seeds_is_studied_and_the_others_cost_nothing() -> None:
    rows = [seed(seed_id=f"s{n}") for n in range(400)]
    made = [study(row, reply(as_json(**GOOD)), share=0.25) for row in rows]
    asked = [bool(one.studies) for one, _ in made]
    assert 60 < sum(asked) < 140
    assert [len(requests) for _, requests in made] == [int(one) for one in asked]
    assert asked == [
        bool(study(row, reply(as_json(**GOOD)), share=0.25)[0].studies) for row in rows
    ]


def test_all_shipped_sets_that_have_prompts_of_their_own_have_the_study() -> None:
    assert all(prompts(name).study().user for name in ("default", "small", "rqa", "rqa_small"))
    assert prompts().texts()["study"]
    assert "study" not in load_prompts(PromptConfig(dir="default", files={}), RECIPES).hashes()
