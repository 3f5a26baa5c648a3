from __future__ import annotations

from typing import Any

import pytest

from tests.package.test_render import question_of, solution_of
from tsdg.package.rules import flaw_of, is_bare_letter
from tsdg.records import Distractor


def test_a_good_record_has_no_flaw() -> None:
    assert flaw_of(question_of(), solution_of()) == ""
    assert flaw_of(question_of(options=()), solution_of(distractors=())) == ""


@pytest.mark.parametrize(
    ("question", "solution", "flaw"),
    [
        ({"question": " \n"}, {}, "the question is empty"),
        ({}, {"answer": " "}, "the answer is empty"),
        ({}, {"answer": "the leaves"}, "the answer is not among the options: 'the leaves'"),
        ({}, {"answer": "(B)"}, "the answer is only a letter: '(B)'"),
        (
            {"options": ("a", "b"), "answer_kind": "choice"},
            {"answer": "b"},
            "the answer is only a letter: 'b'",
        ),
        ({"options": ("the roots", " the roots")}, {}, "two options are equal"),
        ({"options": ("the roots", "")}, {}, "option 2 is empty"),
        (
            {},
            {"distractors": (Distractor(option="the roots", why_wrong="no"),)},
            "the distractor analysis speaks of what is no wrong option: 'the roots'",
        ),
        (
            {},
            {"distractors": (Distractor(option="the bark", why_wrong=" "),)},
            "the distractor analysis says nothing of 'the bark'",
        ),
    ],
)
def test_flaws(question: dict[str, Any], solution: dict[str, Any], flaw: str) -> None:
    assert flaw_of(question_of(**question), solution_of(**solution)) == flaw


@pytest.mark.parametrize(
    "answer",
    [
        "B",
        "b",
        "(b)",
        "C.",
        "**D**",
        "Option A",
        "option (c)",
        "Answer: b",
        " E ) ",
        "Ｂ",
        "`a`",
        "Д",
    ],
)
def test_bare_letters(answer: str) -> None:
    assert is_bare_letter(answer)


@pytest.mark.parametrize(
    "answer", ["水", "3", "Be", "the roots", "A cat", "B12", "vitamin C", "option", "-", "", "é à"]
)
def test_texts(answer: str) -> None:
    assert not is_bare_letter(answer)


@pytest.mark.parametrize("kind", ["math", "code", "number", "json"])
def test_a_letter_may_be_a_name(kind: str) -> None:
    question = question_of(answer_kind=kind, options=())
    assert flaw_of(question, solution_of(answer="x", distractors=())) == ""
