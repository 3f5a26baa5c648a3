from __future__ import annotations

import json
from typing import Any

import pytest

from generate.rows import prompt_set, seed
from tsdg.generate.fields import (
    as_fields,
    count_blanks,
    is_stem,
    language_name,
    shape_of,
    shape_of_example,
    shots,
    window,
)
from tsdg.generate.prompts import Example
from tsdg.generate.schemas import Shape, question_schema, sketch
from tsdg.records import AnswerKind, Seed


def shape(row: Seed) -> Shape:
    return shape_of(
        row.answer_kind,
        question=row.question,
        context=row.context,
        options=row.options,
        classes=row.classes,
    )


@pytest.mark.parametrize(
    ("text", "blanks"),
    [
        ("the _ was large", 1),
        ("the ____ was", 1),
        ("_ and _", 2),
        ("snake_case and __init__", 0),
        ("a_", 0),
        ("他_了", 1),
        (r"the sum of $a_{1}$ and $\overline{AB}_{5}$", 0),
        ("$1011_2$, $f(x)_n$ and the ____ one", 1),
        ("It costs $____ or (1)__", 2),
        ("The _'s lid", 1),
    ],
)
def test_blanks_are_counted(text: str, blanks: int) -> None:
    assert count_blanks(text) == blanks


@pytest.mark.parametrize(
    ("question", "stem"),
    [
        ("Infections may be caused by", True),
        ("He put the lamp down. Then he ...", True),
        ("The colour of the sky is:", True),
        ("पौधे पानी लेते हैं अपनी जड़ों से", True),
        ("গাছ পানি নেয়", True),
        ("Planter puster inn", True),
        ("Which of these is a gas", False),
        ("What is it? It is", False),
        ("Storms always ___", False),
        ("The moon is round.", False),
        ("植物用什么吸水？", False),
        ("Ποιο από αυτά είναι αέριο;", False),
    ],
)
def test_beginnings_of_sentences(question: str, stem: bool) -> None:
    assert is_stem(question, shape(seed(question=question))) is stem


def test_shapes() -> None:
    assert shape(seed()) == Shape(
        kind="choice", context=False, options=4, labels=(), blanks=0, claimed=True
    )
    pubmed = seed(
        context="A trial.",
        options=("yes", "no", "maybe"),
        classes=True,
        answer="no",
        question="Does it help?",
    )
    assert shape(pubmed) == Shape(
        kind="choice",
        context=True,
        options=0,
        labels=("yes", "no", "maybe"),
        blanks=0,
        claimed=True,
    )
    assert shape(seed("boolean")).labels == ("yes", "no")
    assert shape(seed("boolean", options=("True", "False"), answer="True")).labels == (
        "True",
        "False",
    )
    assert shape(seed("code", question="Write f(_).")).blanks == 0


def test_languages_have_names_and_unknown_codes_stay() -> None:
    assert [language_name(code) for code in ("en", "zh", "pt-BR", "no", "xx")] == [
        "English",
        "Chinese",
        "Portuguese",
        "Norwegian",
        "xx",
    ]


def test_fields_are_strings_whatever_the_row_holds() -> None:
    values = {"options": ("a", "b"), "checks": ["x", "y"], "answer": 7, "context": ""}
    assert as_fields(values, ("options", "checks", "answer", "context", "topic")) == {
        "options": "- a\n- b",
        "checks": "x\ny",
        "answer": "7",
        "context": "",
        "topic": "",
    }


@pytest.mark.parametrize(
    ("row", "wanted"),
    [
        (
            {},
            lambda user: (
                "context" not in user and len(user["options"]) == 4 and "_" not in user["question"]
            ),
        ),
        (
            {
                "question": "Ann rang Eve because _ was ill.",
                "options": ("Ann", "Eve"),
                "answer": "Eve",
            },
            lambda user: "_" in user["question"],
        ),
        (
            {
                "context": "A trial.",
                "question": "Does it help?",
                "options": ("yes", "no", "maybe"),
                "classes": True,
                "answer": "no",
            },
            lambda user: "context" in user and user["options"] == ["yes", "no", "maybe"],
        ),
    ],
)
def test_the_examples_shown_are_those_most_like_the_seed(row: dict[str, Any], wanted: Any) -> None:
    item = seed(**row)
    examples = prompt_set("small").get("questions", "choice").examples
    for turn in range(5):
        shown = window(examples, "choice", shape(item), "en", 2, turn)
        assert len(shown) == 2
        assert all(wanted(example.user) for example in shown)


def test_windows_turn_and_use_every_example_alike() -> None:
    examples = tuple(Example(user={"question": f"q{i}"}, reply={}) for i in range(5))
    plain = Shape(kind="number", context=False, options=0, labels=(), blanks=0, claimed=True)
    shown = [window(examples, "number", plain, "en", 2, turn) for turn in range(5)]
    questions = [[e.user["question"] for e in pair] for pair in shown]
    assert questions == [["q0", "q1"], ["q1", "q2"], ["q2", "q3"], ["q3", "q4"], ["q4", "q0"]]
    assert window(examples, "number", plain, "en", 0, 3) == []
    assert len(window(examples, "number", plain, "en", 9, 3)) == 5


def test_examples_in_the_language_of_the_seed_come_first() -> None:
    examples = tuple(
        Example(user={"question": "q", "language": language}, reply={})
        for language in ("en", "de", "en", "de")
    )
    plain = Shape(kind="number", context=False, options=0, labels=(), blanks=0, claimed=True)
    assert {e.user["language"] for e in window(examples, "number", plain, "de", 2, 1)} == {"de"}


@pytest.mark.parametrize("kind", ["choice", "short_text", "code"])
def test_each_worked_example_has_the_form_of_its_own_reply(kind: AnswerKind) -> None:
    """The form of a seed with two options would contradict an example with four."""
    examples = prompt_set("small").get("questions", kind).examples
    assert examples

    def form(example: Example) -> str:
        return sketch(question_schema(shape_of_example(example, kind), {}))

    shown = shots(
        examples, ("question", "reply"), hide=(), sketch=form, reply=lambda one: str(one.reply)
    )
    for example, (fields, _) in zip(examples, shown, strict=True):
        own, wrong = json.loads(fields["reply"]), example.reply.get("distractors", ())
        assert len(own.get("distractors", ())) == len(wrong)
        assert ("context" in own) == ("context" in example.reply)
