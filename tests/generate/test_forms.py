from __future__ import annotations

from typing import Any

import pytest

from generate.rows import answers_config, model
from tsdg.generate.forms import Form, solution_form
from tsdg.generate.prompts import Example
from tsdg.generate.schemas import Flaw
from tsdg.protocols import Choice
from tsdg.records import AnswerKind

EXAMPLE = Example(user={"question": "q"}, reply={"reasoning": "since it is", "answer": "iron"})


def form(kind: AnswerKind = "choice", parser: str = "", **over: Any) -> Form:
    options = ("iron", "gold") if kind == "choice" else ()
    config = answers_config(**over)
    return solution_form(config, model(reasoning_parser=parser), kind, options=options, checks=())


@pytest.mark.parametrize(
    ("kind", "structured", "reasoning", "parser", "constraint", "sketch", "written"),
    [
        (
            "choice",
            True,
            True,
            "",
            "response_format",
            '{"reasoning": "...", "answer": "..."}',
            '{"reasoning": "since it is", "answer": "iron"}',
        ),
        ("choice", True, False, "", "structured_outputs", "", "iron"),
        ("choice", True, True, "qwen3", "structured_outputs", "", "iron"),
        (
            "short_text",
            True,
            False,
            "",
            "response_format",
            '{"answer": "..."}',
            '{"answer": "iron"}',
        ),
        ("choice", False, True, "", None, "...\n\nAnswer: ...", "since it is\n\nAnswer: iron"),
        ("choice", False, False, "", None, "", "iron"),
        ("choice", False, True, "qwen3", None, "Answer: ...", "Answer: iron"),
        (
            "code",
            False,
            True,
            "",
            None,
            "...\n\nAnswer:\n```python\n...\n```",
            "since it is\n\nAnswer:\n```python\niron\n```",
        ),
    ],
)
def test_forms(
    kind: AnswerKind,
    structured: bool,
    reasoning: bool,
    parser: str,
    constraint: str | None,
    sketch: str,
    written: str,
) -> None:
    made = form(kind, parser, structured=structured, reasoning=reasoning)
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
        for reasoning in (True, False):
            made = form("number", structured=structured, reasoning=reasoning)
            read = made.read(Choice(text="Answer: 7", reasoning="", finish_reason="length"))
            assert isinstance(read, Flaw)
            assert read.reason == "truncated"


def test_the_schema_of_a_json_question_is_enforced_and_left_to_its_verifier() -> None:
    checks = ('{"type": "object", "properties": {"list": {"type": "array"}}}',)
    made = solution_form(answers_config(), model(), "json", options=(), checks=checks)
    enforced = made.constraint["response_format"]["json_schema"]["schema"]["properties"]["answer"]
    assert "list" in enforced["properties"]
    assert made.sketch() == '{"reasoning": "...", "answer": {...}}'
    read = made.read(
        Choice(
            text='{"reasoning": "r", "answer": {"other": [1]}}', reasoning="", finish_reason="stop"
        )
    )
    assert read == ("r", '{"other": [1]}')
