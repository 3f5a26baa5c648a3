from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generate.rows import seed
from tsdg.generate import checks
from tsdg.generate.fields import shape_of
from tsdg.generate.schemas import Flaw
from tsdg.records import Seed


def texts(row: Seed, question: str, context: str = "") -> str:
    shape = shape_of(
        row.answer_kind,
        question=row.question,
        context=row.context,
        options=row.options,
        classes=row.classes,
    )
    flaw = checks.check_texts(row, shape, question=question, context=context)
    return flaw.detail if flaw else ""


@pytest.mark.parametrize(
    ("over", "question", "detail"),
    [
        ({}, "Which organ takes oxygen out of the air?", ""),
        ({}, "...?", "the question has no words"),
        ({}, "The roots take up water.", "no question mark"),
        ({}, "why " * 2000 + "?", "the question has 8001 characters"),
        ({}, "植物的哪个部分从土壤中吸收水分和养料？", "written in cjk script, the seed in latin"),
        ({"question": "光合作用需要哪种气体？", "language": "zh"}, "细胞呼吸需要哪种气体？", ""),
        (
            {"question": "光合成に必要な気体は？", "language": "ja"},
            "どの気体が植物の呼吸に必要ですか？",
            "",
        ),
        (
            {"question": "光合作用需要哪种气体？", "language": "zh"},
            "どの気体が呼吸に必要ですか？",
            "language 'ja'",
        ),
        (
            {"question": "光合作用需要哪种气体？"},
            "Which gas do plants need?",
            "written in latin script, the seed in cjk",
        ),
        ({"question": "Что такое фотосинтез?"}, "Почему листья зелёные?", ""),
        (
            {},
            "According to the passage, which part stores sugar?",
            "refers to a passage or figure that is not there",
        ),
        (
            {},
            "What does the text say about roots?",
            "refers to a passage or figure that is not there",
        ),
        (
            {},
            "Read the excerpt. Why do roots grow down?",
            "refers to a passage or figure that is not there",
        ),
        (
            {},
            "Which plant does the figure above show?",
            "refers to a passage or figure that is not there",
        ),
        (
            {"question": "Passage: ... According to the passage, what grows?"},
            "Passage: a. In the passage, what sinks?",
            "",
        ),
        (
            {"question": "Ann rang Eve because _ was ill."},
            "Ann fed Eve because Eve was hungry.",
            "0 blanks",
        ),
        ({"question": "Ann rang Eve because _ was ill."}, "Tom paid Ben because _ had won.", ""),
    ],
)
def test_what_all_questions_must_be(over: dict[str, Any], question: str, detail: str) -> None:
    found = texts(seed(**over), question)
    assert detail in found if detail else found == ""


def test_yes_or_no_answers_a_closed_question() -> None:
    row = seed("boolean")
    assert texts(row, "Is a bat a bird?") == ""
    assert texts(row, "What is a bat?") == "cannot be answered with yes or no"
    odd = seed("boolean", question="Which is right: a whale is a fish?")
    assert texts(odd, "Which is right: a bat is a bird?") == ""


def test_a_seed_with_a_passage_wants_a_new_one() -> None:
    row = seed(
        context="Forty nurses wore new shoes for six months.", question="Did the shoes help?"
    )
    assert (
        texts(row, "Did the passage help?", "")
        == "the passage is missing or shorter than half the question"
    )
    assert (
        texts(
            row,
            "According to the passage, did the course help?",
            "Ninety adults took an evening course.",
        )
        == ""
    )


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("A) iron", "B) gold"), ("iron", "gold")),
        (("(b) iron", "(a) gold"), ("iron", "gold")),
        (("1. iron", "2. gold"), ("iron", "gold")),
        (("A) iron", "gold"), ("A) iron", "gold")),
        (("A) iron", "A) gold"), ("A) iron", "A) gold")),
        ((" iron ", "gold"), ("iron", "gold")),
    ],
)
def test_labels_are_taken_off_where_all_options_have_them(
    options: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    assert checks.unlabel(options) == expected


@pytest.mark.parametrize(
    ("over", "question", "options", "detail"),
    [
        ({}, "Which?", ("iron", "gold", "tin", "lead"), None),
        ({}, "Which?", ("iron", "Iron.", "tin", "lead"), "two options are the same"),
        ({}, "Which?", ("iron", "--", "tin", "lead"), "an option has no words"),
        ({}, "Which?", ("A", "B", "C", "D"), "an option is a letter, not a text"),
        ({}, "Which?", ("iron", "(b)", "tin", "lead"), "an option is a letter, not a text"),
        ({"options": ("A", "B"), "answer": "A"}, "Which?", ("C", "D"), None),
        (
            {},
            "Which?",
            ("iron", "gold", "tin", "both A and B"),
            "an option names other options by letter: 'both A and B'",
        ),
        (
            {},
            "Which?",
            ("iron", "gold", "tin", "x" * 2000),
            "an option has more than 1000 characters",
        ),
        ({}, "Is iron or gold heavier?", ("iron", "gold"), "the question repeats its options"),
        (
            {
                "question": "Ann rang Eve because _ was ill.",
                "options": ("Ann", "Eve"),
                "answer": "Eve",
            },
            "Tom paid Ben because _ had won.",
            ("Tom", "Rob"),
            "the options do not stand in the sentence, as those of the seed do",
        ),
        (
            {
                "question": "Ann rang Eve because _ was ill.",
                "options": ("Ann", "Eve"),
                "answer": "Eve",
            },
            "Tom paid Ben because _ had won.",
            ("Tom", "Ben"),
            None,
        ),
    ],
)
def test_options(
    over: dict[str, Any], question: str, options: tuple[str, ...], detail: str | None
) -> None:
    flaw = checks.check_options(seed(**over), question, options)
    assert (flaw and flaw.detail) == detail


def copied(
    row: Seed,
    question: str,
    context: str = "",
    options: tuple[str, ...] = (),
    answer: str = "",
    shown: Any = (),
    limit: float = 0.6,
) -> Flaw | None:
    return checks.check_copy(
        row,
        question=question,
        context=context,
        options=options,
        answer=answer,
        shown=shown,
        limit=limit,
    )


def test_copies_of_the_seed_and_of_examples() -> None:
    row = seed()
    assert copied(row, "which part of a plant takes up WATER from the soil") is not None
    assert copied(row, "Which organ of a fish takes up oxygen?") is None
    example = "Why do people spread sand on an icy path?"
    flaw = copied(row, example, shown=[checks.Shown(question=example, context="", options=())])
    assert flaw is not None
    assert flaw.reason == "copy_of_seed"
    assert flaw.detail == "shares 100% of its word trigrams with an example of the prompt"
    assert copied(row, row.question, limit=1.0) is None


def test_the_same_answer_makes_a_copy_of_less() -> None:
    row = seed("short_text", question="What is the chemical symbol of gold?", answer="Au")
    assert copied(row, "What is the chemical symbol for gold?", answer="Ag") is None
    assert copied(row, "What is the chemical symbol for gold?", answer="au") is not None
    assert copied(row, "Which letters stand for gold on a ring?", answer="Au") is None


def test_where_the_options_say_more_they_are_compared_as_well() -> None:
    stem = "Which of these is more pleasant for the one who tells it?"
    told = (
        "I found a coin on my way to school and bought a cake.",
        "I lost my only coat on the bus to the cold sea.",
    )
    other = (
        "My sister wrote me a long letter from the mountains.",
        "The rain came through the roof of our new house.",
    )
    row = seed(question=stem, options=told, answer=told[0])
    assert copied(row, stem, options=other, answer=other[0]) is None
    assert copied(row, stem, options=told[::-1], answer=told[0]) is not None
    assert (
        copied(row, stem, options=(told[0].replace("coin", "ring"), told[1]), answer=told[1])
        is not None
    )
    short = seed(question=stem, options=("a walk", "a fall"), answer="a walk")
    assert copied(short, stem, options=("a song", "a cry"), answer="a song") is not None


def test_on_a_passage_the_passages_are_compared() -> None:
    row = seed(
        context="Forty nurses wore new shoes for six months and felt well.",
        question="What is the text about?",
    )
    assert (
        copied(row, row.question, context="Ninety adults took an evening course in relaxation.")
        is None
    )
    assert copied(row, "A new question?", context=row.context) is not None


DOUBLE = "def double(n):\n    return 2 * n"


@pytest.mark.parametrize(
    ("question", "asserts", "answer", "detail"),
    [
        ("Write double(n).", ["assert double(2) == 4"], DOUBLE, None),
        ("Write double(n).", ["assert double(2) == 4"], f"```python\n{DOUBLE}\n```", None),
        (
            "Write double(n).",
            ["assert sorted(double([2])) == [4]", "assert isinstance(double(1), int)"],
            DOUBLE,
            None,
        ),
        (
            "Write double(n).",
            ["double(2) == 4"],
            DOUBLE,
            "not an assertion that calls a function: 'double(2) == 4'",
        ),
        ("Write double(n).", ["assert double(2) == "], DOUBLE, "not an assertion"),
        ("Write double(n).", ["assert True"], DOUBLE, "not an assertion"),
        ("Write double(n).", ["assert len([1]) == 1"], DOUBLE, "not an assertion"),
        ("Write double(n).", ["import os; assert double(2)"], DOUBLE, "not an assertion"),
        (
            "Write doubled(n).",
            ["assert double(2) == 4"],
            DOUBLE,
            "the question does not name the function",
        ),
        (
            "Write double(n).",
            ["assert double(2) == 4", "assert triple(1) == 3"],
            DOUBLE,
            "the question does not name",
        ),
        (
            "Write double(n).",
            ["assert double(2) == 4"],
            "def triple(n): return 3*n",
            "the answer does not define double",
        ),
        (
            "Write double(n).",
            ["assert double(2) == 4"],
            "def double(n:",
            "the answer does not define double",
        ),
    ],
)
def test_code(question: str, asserts: list[str], answer: str, detail: str | None) -> None:
    flaw = checks.check_code(question, asserts, answer)
    assert (flaw is None) is (detail is None)
    if flaw and detail:
        assert flaw.reason == "bad_format"
        assert detail in flaw.detail


@given(st.text())
def test_no_code_raises(text: str) -> None:
    checks.called_names(text)
    checks.defined_names(text)


def test_hostile_code_is_refused() -> None:
    deep = "assert f(" * 5000 + ")" * 5000
    assert checks.called_names(deep) == frozenset()
    assert checks.called_names("assert f(\x00)") == frozenset()


OBJECT = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


@pytest.mark.parametrize(
    ("schema", "answer", "detail"),
    [
        (OBJECT, {"n": 1}, None),
        (OBJECT, {"n": "one"}, "the answer breaks its own schema: 'one' is not of type 'integer'"),
        ({"type": "objekt"}, {}, "not a JSON schema"),
        ({"type": "object"}, {"n": 1}, "the schema names no properties"),
        ({"$ref": "http://localhost:1/x"}, {"n": 1}, "the schema uses $ref"),
        (
            {"properties": {"n": {"anyOf": [{"pattern": "(a+)+$"}]}}},
            {"n": "a"},
            "the schema uses pattern",
        ),
    ],
)
def test_json_schemas(schema: dict[str, Any], answer: Any, detail: str | None) -> None:
    flaw = checks.check_json(schema, answer)
    assert (flaw is None) is (detail is None)
    if flaw and detail:
        assert detail in flaw.detail


@pytest.mark.parametrize(
    ("option", "closing"),
    [
        ("All of the above", True),
        ("none of the above.", True),
        ("Both of the above are true", True),
        ("None of these", True),
        ("Todas las anteriores", True),
        ("Keine der oben genannten", True),
        ("以上都不对", True),
        ("上記のすべて", True),
        ("Все перечисленное", True),
        ("Aucune de ces réponses", True),
        ("all of the water", False),
        ("the copper in all of them", False),
        ("none", False),
        ("I baked some cookies, and my dog ate all of them.", False),
    ],
)
def test_options_that_speak_of_those_above_them_are_known(option: str, closing: bool) -> None:
    assert checks.is_closing(option) == closing


def test_such_an_option_is_refused_where_the_seed_has_none() -> None:
    options = ("oak", "elm", "ash", "all of the above")
    flaw = checks.check_options(seed(), "Which of these is a tree?", options)
    assert flaw is not None
    assert flaw.detail == "an option speaks of those above it"
    assert (
        checks.check_options(
            seed(options=("a1", "b2", "none of these"), answer="a1"), "Which is a tree?", options
        )
        is None
    )
