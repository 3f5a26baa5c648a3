from __future__ import annotations

from typing import Any

import pytest

from generate.rows import answers_config
from tsdg.generate.answer_forms import AnswerForm, solution_form
from tsdg.generate.prompts import Example
from tsdg.generate.schemas import Flaw
from tsdg.protocols import Choice
from tsdg.records import AnswerKind

EXAMPLE = Example(user={"question": "q"}, reply={"reasoning": "since it is", "answer": "iron"})


def form(kind: AnswerKind = "choice", shown: bool = True, **over: Any) -> AnswerForm:
    options = ("iron", "gold") if kind == "choice" else ()
    return solution_form(answers_config(**over), kind, options=options, checks=(), shown=shown)


@pytest.mark.parametrize(
    ("kind", "structured", "rationale", "shown", "constraint", "sketch", "written"),
    [
        (
            "choice",
            True,
            "written",
            True,
            "response_format",
            '{"reasoning": "...", "answer": "..."}',
            '{"reasoning": "since it is", "answer": "iron"}',
        ),
        ("choice", True, "trace", True, "structured_outputs", "", "iron"),
        (
            "short_text",
            True,
            "trace",
            True,
            "response_format",
            '{"answer": "..."}',
            '{"answer": "iron"}',
        ),
        ("choice", False, "both", False, None, "...\n\nAnswer: ...", "since it is\n\nAnswer: iron"),
        ("choice", False, "trace", True, None, "Answer: ...", "Answer: iron"),
        ("choice", False, "trace", False, None, "", "iron"),
        (
            "code",
            False,
            "written",
            True,
            None,
            "...\n\nAnswer:\n```python\n...\n```",
            "since it is\n\nAnswer:\n```python\niron\n```",
        ),
    ],
)
def test_forms(
    kind: AnswerKind,
    structured: bool,
    rationale: str,
    shown: bool,
    constraint: str | None,
    sketch: str,
    written: str,
) -> None:
    made = form(kind, shown, structured=structured, rationale=rationale)
    assert list(made.constraint) == ([constraint] if constraint else [])
    assert made.sketch() == sketch
    assert made.write(EXAMPLE) == written
    read = made.read(Choice(text=written, reasoning="", finish_reason="stop"))
    assert not isinstance(read, Flaw)
    assert "iron" in read[1]
    assert "since" not in read[1]
    assert (read[0] == "since it is") is ("since" in written)


def test_a_sample_at_the_token_limit_is_never_read() -> None:
    for structured in (True, False):
        for rationale in ("written", "trace"):
            made = form("number", structured=structured, rationale=rationale)
            read = made.read(Choice(text="Answer: 7", reasoning="", finish_reason="length"))
            assert isinstance(read, Flaw)
            assert read.reason == "truncated"


def test_the_schema_of_a_json_question_is_enforced_and_left_to_its_verifier() -> None:
    checks = ('{"type": "object", "properties": {"list": {"type": "array"}}}',)
    made = solution_form(answers_config(), "json", options=(), checks=checks, shown=True)
    enforced = made.constraint["response_format"]["json_schema"]["schema"]["properties"]["answer"]
    assert "list" in enforced["properties"]
    assert made.sketch() == '{"reasoning": "...", "answer": {...}}'
    read = made.read(
        Choice(
            text='{"reasoning": "r", "answer": {"other": [1]}}', reasoning="", finish_reason="stop"
        )
    )
    assert read == ("r", '{"other": [1]}', "")


@pytest.mark.parametrize(
    ("rationale", "reasoning", "trace"),
    [("written", "7 x 12", ""), ("trace", "hm, 84?", ""), ("both", "7 x 12", "hm, 84?")],
)
@pytest.mark.parametrize("structured", [True, False])
def test_what_becomes_the_reasoning_is_the_recipes_word(
    structured: bool, rationale: str, reasoning: str, trace: str
) -> None:
    made = form("number", structured=structured, rationale=rationale)
    text = made.write(Example(user={}, reply={"reasoning": "7 x 12", "answer": "84"}))
    for choice in (
        Choice(text=text, reasoning="hm, 84?", finish_reason="stop"),
        Choice(text=f"<think>hm, 84?</think>{text}", reasoning="", finish_reason="stop"),
    ):
        assert made.read(choice) == (reasoning, "84", trace)
    quiet = made.read(Choice(text=text, reasoning="", finish_reason="stop"))
    assert quiet == (reasoning if rationale != "trace" else "", "84", "")
