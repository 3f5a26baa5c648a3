from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsdg.generate.schemas import (
    Flaw,
    Shape,
    answer_schema,
    conform,
    enrich_schema,
    question_schema,
    sketch,
)
from tsdg.records import ANSWER_KINDS, AnswerKind


def shape(kind: AnswerKind, **over: Any) -> Shape:
    values: dict[str, Any] = {
        "context": False,
        "options": 0,
        "labels": (),
        "blanks": 0,
        "claimed": True,
    }
    return Shape(kind=kind, **{**values, **over})


@pytest.mark.parametrize("kind", ANSWER_KINDS)
def test_every_schema_is_one_and_lists_its_fields_in_writing_order(kind: AnswerKind) -> None:
    schema = question_schema(shape(kind, context=True, options=4 if kind == "choice" else 0), {})
    jsonschema.Draft202012Validator.check_schema(schema)
    fields = list(schema["properties"])
    assert fields[:2] == ["context", "question"]
    assert schema["required"] == fields
    for reasoning in (True, False):
        solved = answer_schema(kind, options=(), checks=(), reasoning=reasoning)
        jsonschema.Draft202012Validator.check_schema(solved)
        assert list(solved["properties"]) == (["reasoning", "answer"] if reasoning else ["answer"])


def test_fixed_options_are_not_written_anew() -> None:
    schema = question_schema(shape("choice", labels=("yes", "no", "maybe")), {})
    assert schema["properties"]["answer"]["enum"] == ["yes", "no", "maybe"]
    assert "distractors" not in schema["properties"]


def test_the_answer_of_a_json_question_has_the_schema_of_the_question() -> None:
    inner = {"type": "object", "properties": {"n": {"type": "integer"}}}
    schema = answer_schema("json", options=(), checks=(json.dumps(inner),), reasoning=False)
    assert schema["properties"]["answer"] == inner


def test_the_enrichment_has_one_reason_per_wrong_option() -> None:
    schema = enrich_schema(["iron", 'a "quoted" one'], reasoning=True)
    assert list(schema["properties"]) == ["definition", "background", "reasoning", "why_wrong"]
    assert list(schema["properties"]["why_wrong"]["properties"]) == ["iron", 'a "quoted" one']
    assert '\\"quoted\\"' in sketch(schema)
    assert list(enrich_schema([], reasoning=False)["properties"]) == ["definition", "background"]


def test_the_sketch_never_shows_what_may_be_chosen() -> None:
    schema = answer_schema("choice", options=("SECRET", "OTHER"), checks=(), reasoning=True)
    assert sketch(schema) == '{"reasoning": "...", "answer": "..."}'


def test_conform_forgives_types_and_drops_what_was_not_asked_for() -> None:
    schema = question_schema(shape("number"), {})
    assert conform({"question": "How many?", "answer": "1,200", "note": 1}, schema) == {
        "question": "How many?",
        "answer": 1200,
    }
    assert conform({"question": 7, "answer": 2}, schema) == {"question": "7", "answer": 2}
    enum = answer_schema("choice", options=("Iron", "Gold"), checks=(), reasoning=False)
    assert conform({"answer": " iron "}, enum) == {"answer": "Iron"}


@pytest.mark.parametrize(
    ("value", "detail"),
    [
        ({"question": "Q"}, "reply has no 'answer'"),
        ({"question": None, "answer": 1}, "question is not a string: null"),
        ({"question": "Q", "answer": "many"}, 'answer is not a number: "many"'),
        ({"question": "Q", "answer": True}, "answer is not a number: true"),
        ({"question": "Q", "answer": 10**400}, "answer is not a number of at most 60 digits"),
        ({"question": "Q", "answer": float("inf")}, "answer is not a number of at most 60 digits"),
        ({"question": "Q", "answer": "NaN"}, 'answer is not a number: "NaN"'),
        ({"question": "Q", "answer": "1,2,3"}, 'answer is not a number: "1,2,3"'),
        ({"question": "Q", "answer": "1,23,456"}, 'answer is not a number: "1,23,456"'),
        (["question"], 'reply is not an object: ["question"]'),
    ],
)
def test_conform_names_the_flaw(value: Any, detail: str) -> None:
    held = conform(value, question_schema(shape("number"), {}))
    assert held == Flaw(reason="bad_schema", detail=detail)


@pytest.mark.parametrize("count", [0, 2, 4])
def test_conform_counts_the_distractors(count: int) -> None:
    held = conform(
        {"question": "Q", "answer": "a", "distractors": ["x"] * count},
        question_schema(shape("choice", options=4), {}),
    )
    assert isinstance(held, Flaw)
    assert held.detail.startswith("distractors is not a list of 3")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.sampled_from(["question", "answer", "context", "x"]), inner)
    ),
    max_leaves=8,
)


@given(JSON)
def test_whatever_conforms_is_valid_and_nothing_raises(value: Any) -> None:
    schema = question_schema(shape("number", context=True), {})
    held = conform(value, schema)
    if not isinstance(held, Flaw):
        jsonschema.validate(held, schema)


def test_the_detail_of_a_flaw_is_unicode_whatever_a_model_wrote() -> None:
    schema = answer_schema("short_text", options=(), checks=(), reasoning=True)
    flaw = conform({"reasoning": "a", "answer": ["\ud8fd"]}, schema)
    assert isinstance(flaw, Flaw)
    flaw.detail.encode()
    assert Flaw(reason="bad_schema", detail="a\ud8fd\x00").detail == "a\ufffd\ufffd"
