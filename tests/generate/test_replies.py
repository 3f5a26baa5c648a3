from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generate.rows import reply
from tsdg.errors import PermanentError
from tsdg.generate.replies import (
    only_text,
    read_object,
    split_answer_line,
    split_thinking,
    strip_fence,
)
from tsdg.generate.schemas import Flaw, answer_schema
from tsdg.protocols import Choice, Reply

SCHEMA = answer_schema("short_text", options=(), checks=(), reasoning=True)
GOOD = '{"reasoning": "because", "answer": "Rome"}'
FIELDS = {"reasoning": "because", "answer": "Rome"}


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        f"\n{GOOD}\n",
        f"Here you are:\n```json\n{GOOD}\n```\nAnything else?",
        f"Sure! {GOOD} Hope that helps {{smile}}.",
        f'First a draft {{"reasoning": "no answer yet"}} and then {GOOD}',
        f"A set {{1, 2}} and then {GOOD}",
        "We use $" + r"\frac{1}{2}" * 100 + f"$. {GOOD}",
        f'{{"reasoning": "a draft", "answer": "Paris"}} No, wait. {GOOD}',
        f'{GOOD} in the form {{"reasoning": "<your reasoning>", "answer": "string"}}',
        f'{GOOD} in the form {{"reasoning": "...", "answer": "..."}}',
        '{"reasoning": "because", "answer": "Rome",}',
        f'{{"name": "answer", "arguments": {GOOD}}}',
        f'{{"name": "answer", "arguments": {json.dumps(GOOD)}}}',
        f'{{"tool_calls": [{{"function": {{"name": "a", "arguments": {json.dumps(GOOD)}}}}}]}}',
        f'<tool_call>\n{{"name": "a", "parameters": {GOOD}}}\n</tool_call>',
        f'{{"type": "function", "function": {{"name": "a", "arguments": {GOOD}}}}}',
        f'[{{"tool": "a", "input": {GOOD}}}]',
        f'{{"response": {GOOD}}}',
    ],
)
def test_the_object_is_found_wherever_it_stands(text: str) -> None:
    assert read_object(text, SCHEMA) == FIELDS


def test_a_line_break_within_a_string_is_forgiven() -> None:
    assert read_object('{"reasoning": "one\ntwo", "answer": "x"}', SCHEMA) == {
        "reasoning": "one\ntwo",
        "answer": "x",
    }


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("", "no JSON object in the reply: ''"),
        ("Rome, of course", "no JSON object in the reply: 'Rome, of course'"),
        ('{"reasoning": "cut o', "no JSON object"),
        ('{"reasoning": "a"}', "reply has no 'answer'"),
        ('[{"reasoning": "a"}]', "reply has no 'answer'"),
        ('{"reasoning": NaN, "answer": "b"}', "no JSON object"),
    ],
)
def test_what_is_wrong_is_said(text: str, detail: str) -> None:
    flaw = read_object(text, SCHEMA)
    assert isinstance(flaw, Flaw)
    assert flaw.reason == "bad_schema"
    assert detail in flaw.detail
    assert "\n" not in flaw.detail


def test_it_is_told_where_a_reply_without_text_stands() -> None:
    flaw = read_object("", SCHEMA, "I cannot say.")
    assert isinstance(flaw, Flaw)
    assert flaw.detail.endswith("its text is empty, all of it is in the reasoning: 'I cannot say.'")


def test_a_reply_of_braces_alone_is_refused_at_once() -> None:
    for text in (
        "{" * 200_000,
        '{"a":' * 100_000,
        "[" * 100_000 + "{",
        '{"a": ' + "9" * 5000 + "}",
    ):
        assert isinstance(read_object(text, SCHEMA), Flaw)


@given(st.text())
def test_no_text_raises(text: str) -> None:
    read_object(text, SCHEMA)
    split_answer_line(text)
    split_thinking(Choice(text=text, reasoning="", finish_reason="stop"))


SOUND = st.text(alphabet=st.characters(exclude_categories=("Cs", "Cc")))


@given(
    SOUND,
    SOUND.filter(lambda text: text != "..."),
    st.text(alphabet=st.characters(exclude_characters='{}`[]"')),
)
def test_an_object_survives_the_text_around_it(reasoning: str, answer: str, around: str) -> None:
    text = json.dumps({"reasoning": reasoning, "answer": answer})
    assert read_object(f"{around}{text}{around}", SCHEMA) == {
        "reasoning": reasoning.strip(),
        "answer": answer.strip(),
    }


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"text": "42", "reasoning": "six times seven"}, ("six times seven", "42")),
        ({"text": "<think>six times seven</think>\n42"}, ("six times seven", "42")),
        ({"text": "six times seven</think>42"}, ("six times seven", "42")),
        ({"text": "<thinking>a</thinking><think>b</think>42"}, ("ab", "42")),
        ({"text": "<think>never came to an end"}, ("never came to an end", "")),
        ({"text": "<reasoning>never came to an end"}, ("never came to an end", "")),
        ({"text": "<reasoning>six</reasoning>42"}, ("six", "42")),
        ({"text": "six</reasoning>\n42"}, ("six", "42")),
        ({"text": "[THINK]six[/THINK]42"}, ("six", "42")),
        ({"text": "<|START_THINKING|>six<|END_THINKING|><|START_RESPONSE|>42"}, ("six", "42")),
        ({"text": "<|channel|>analysis<|message|>six<|end|>"}, ("six", "")),
        (
            {
                "text": "<|channel|>analysis<|message|>six<|end|>"
                "<|start|>assistant<|channel|>final<|message|>42<|return|>"
            },
            ("six", "42"),
        ),
        ({"text": "analysisSix times seven.assistantfinal42"}, ("Six times seven.", "42")),
        ({"text": "analysis of variance"}, ("", "analysis of variance")),
        ({"text": "The tag <reasoning> is odd"}, ("", "The tag <reasoning> is odd")),
        ({"text": "<|im_start|>assistant\n42<|im_end|>"}, ("", "42")),
        ({"text": "42"}, ("", "42")),
        ({"text": "", "reasoning": ""}, ("", "")),
        ({"text": "</think>\n42", "reasoning": "six"}, ("six", "42")),
        ({"text": "", "reasoning": '{"answer": 42}'}, ("", '{"answer": 42}')),
        (
            {"text": "", "reasoning": 'six times seven.\n```json\n{"answer": 42}\n```'},
            ("six times seven.", '{"answer": 42}'),
        ),
        (
            {"text": " ", "reasoning": 'six</think>\n{"answer": 42}'},
            ("six", '{"answer": 42}'),
        ),
        (
            {"text": "", "reasoning": 'as in {"answer": 42}, but no'},
            ('as in {"answer": 42}, but no', ""),
        ),
        ({"text": "42</s>"}, ("", "42")),
        ({"text": "42<|im_end|>\n"}, ("", "42")),
    ],
)
def test_thinking_is_split_off(fields: dict[str, Any], expected: tuple[str, str]) -> None:
    assert (
        split_thinking(Choice(**{"reasoning": "", "finish_reason": "stop", **fields})) == expected
    )


@pytest.mark.parametrize(
    ("came", "expected"),
    [
        (reply("<think>hm</think>42"), "42"),
        *(
            (reply("42", finish=cut), "")
            for cut in ("length", "abort", "content_filter", "", "tool")
        ),
        (reply("42", finish="eos_token"), "42"),
        (reply(), ""),
        (PermanentError("too_long", "9000 tokens"), ""),
    ],
)
def test_what_failed_or_was_cut_off_has_no_text(
    came: Reply | PermanentError, expected: str
) -> None:
    assert only_text(came) == expected


def test_a_fence_around_code_is_taken_off() -> None:
    assert strip_fence("Here:\n```python\nx = 1\n```\nand\n```\nx = 2\n```") == "x = 1\n"
    assert strip_fence("x = 1") == "x = 1"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It has no end.\n\nAnswer: Rome", ("It has no end.", "Rome")),
        ("Steps.\n**Answer:** Rome", ("Steps.", "Rome")),
        ("Answer: 1\nNo, wait.\nFinal answer: 2", ("Answer: 1\nNo, wait.", "2")),
        (
            "Steps.\n\nAnswer:\n```python\ndef f(): ...\n```",
            ("Steps.", "```python\ndef f(): ...\n```"),
        ),
        ("The answer is Rome", ("", "Rome")),
        ("The answer is long.\nIt has two lines.", ("", "The answer is long.\nIt has two lines.")),
        ("Sechs mal sieben.\nDie Antwort ist 42.", ("Sechs mal sieben.", "42.")),
        ("Six.\nAnswer：42", ("Six.", "42")),
        ("六乘七。\n答案：42", ("六乘七。", "42")),
        ("Seis por siete.\n**Respuesta:** 42", ("Seis por siete.", "42")),
        ("Six.\n\n### Final Answer\n42", ("Six.", "42")),
        ("Six.\nThe final answer is: **42**", ("Six.", "42")),
        ("หกคูณเจ็ด\nคำตอบ: 42", ("หกคูณเจ็ด", "42")),
        ("六乘七。\n【答案】42", ("六乘七。", "42")),
        ("Six.\nAnswer: **42** cm", ("Six.", "**42** cm")),
        ("Six.\n**Answer: 42**", ("Six.", "42")),
        ("So.\nAnswer: __init__", ("So.", "__init__")),
        ("So.\nAnswer: a *b*", ("So.", "a *b*")),
        ("6 * 7 = 42\n#### 42", ("6 * 7 = 42", "42")),
        ("#### 1. First\nSix.", ("", "#### 1. First\nSix.")),
    ],
)
def test_the_last_answer_line_counts(text: str, expected: tuple[str, str]) -> None:
    assert split_answer_line(text) == expected
