"""Tasks with instructions that a program checks: what is written for them, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from generate.rows import as_json, prompt_set, seed
from generate.test_questions import ask, one
from tsdg.generate.fields import shape_of, window
from tsdg.generate.instructions import arguments_of, renewed, unsaid
from tsdg.generate.schemas import conform, question_schema, sketch
from tsdg.records import Seed

WORDS = {"id": "length_constraints:number_words", "relation": "less than", "num_words": 30}
COMMA = {"id": "punctuation:no_comma"}
KEYS = {"id": "keywords:existence", "keywords": ["sand", "wind"]}
TASK = "Describe a beach in less than 30 words. Do not use commas but the words sand and wind."


def checks(*given: dict[str, Any]) -> tuple[str, ...]:
    return tuple(map(json.dumps, given))


def instructed(**over: Any) -> Seed:
    return seed(
        "text", question=TASK, answer="Sand and wind.", checks=checks(WORDS, COMMA, KEYS), **over
    )


def written(question: str, words: Any = 40, keywords: Any = ("rope", "wood")) -> str:
    rules = {WORDS["id"]: {"num_words": words}, KEYS["id"]: {"keywords": list(keywords)}}
    return as_json(question=question, rules=rules, answer="A rope and some wood.")


def test_only_arguments_are_asked_for_and_in_the_form_that_the_seed_has() -> None:
    row = instructed()
    shape = shape_of(
        "text", question=row.question, context="", options=(), classes=False, checks=row.checks
    )
    assert sketch(question_schema(shape, {})) == (
        '{"question": "...", "rules": {"length_constraints:number_words": {"num_words": ...}, '
        '"keywords:existence": {"keywords": ["...", "..."]}}, "answer": "..."}'
    )
    bare = shape_of(
        "text", question="", context="", options=(), classes=False, checks=checks(COMMA)
    )
    assert "rules" not in question_schema(bare, {})["properties"]
    plain = shape_of(
        "code", question="", context="", options=(), classes=False, checks=("assert f(1) == 2",)
    )
    assert "rules" not in question_schema(plain, {})["properties"]


def test_a_task_keeps_the_instructions_of_its_seed_with_arguments_of_its_own() -> None:
    said = (
        "Tell in less than 40 words how a raft is built, "
        "with the words Rope and wood but no commas."
    )
    question, _, _ = one(instructed(), written(said))
    assert question is not None
    assert (question.question, question.answer_kind) == (said, "text")
    assert [json.loads(check) for check in question.checks] == [
        WORDS | {"num_words": 40},
        COMMA,
        KEYS | {"keywords": ["rope", "wood"]},
    ]


@pytest.mark.parametrize(
    ("text", "reason", "detail"),
    [
        (
            written("Tell how a raft of rope and wood is built."),
            "bad_format",
            "does not say num_words 40 of length",
        ),
        (
            written("Build a raft of rope, wood in 140 words."),
            "bad_format",
            "does not say num_words 40",
        ),
        (
            written("Tell in 40 words how a raft of rope is built."),
            "bad_format",
            "does not say keywords wood of key",
        ),
        (
            written("Tell it in -1 words.", words=-1),
            "bad_format",
            "is no whole number from 1 on: -1",
        ),
        (
            written("Tell it in 2.5 words.", words=2.5),
            "bad_format",
            "is no whole number from 1 on: 2.5",
        ),
        (
            written("40 words: (a+)+b, c", keywords=("(a+)+b", "c")),
            "bad_format",
            "is no plain text: '(a+)+b'",
        ),
        (written("40 words: c", keywords=(" ", "c")), "bad_format", "is no plain text: ''"),
        (written("40 words: c", keywords=("c",)), "bad_schema", "keywords is not a list of 2"),
        (written("Tell it.", words="few"), "bad_schema", "num_words is not a number"),
        (as_json(question="Tell it.", answer="No."), "bad_schema", "reply has no 'rules'"),
    ],
)
def test_what_a_checker_could_not_take_or_the_task_does_not_say_is_refused(
    text: str, reason: str, detail: str
) -> None:
    question, found, why = one(instructed(), text)
    assert question is None
    assert (found, detail in why) == (reason, True), why


def test_the_instructions_of_the_seed_and_examples_with_instructions_are_shown() -> None:
    _, requests = ask(instructed(), written("Tell it."))
    turns = [turn["content"] for turn in requests[0].body["messages"]]
    for check in instructed().checks:
        assert check in turns[-1]
    assert all('"rules"' in turn for turn in turns[2:-1:2])
    _, requests = ask(seed("text"), written("Tell it."))
    turns = [turn["content"] for turn in requests[0].body["messages"]]
    assert not any("rules" in turn or "A program" in turn for turn in turns)


def test_examples_without_instructions_fill_the_window_where_there_are_too_few() -> None:
    row = instructed()
    shape = shape_of(
        "text", question=row.question, context="", options=(), classes=False, checks=row.checks
    )
    examples = prompt_set("small").get("questions", "text").examples
    assert len(window(examples, "text", shape, "en", len(examples), 0)) == len(examples)
    assert all(
        example.user.get("checks") for example in window(examples, "text", shape, "en", 3, 5)
    )


def test_arguments_are_read_in_any_script() -> None:
    assert unsaid(checks(WORDS), "用少于 ３０ 个词描述海滩。") == ""
    assert unsaid(checks(KEYS | {"keywords": ["沙子"]}), "用“沙子”造句。") == ""


def test_nothing_to_write_leaves_them_as_they_are() -> None:
    assert arguments_of(checks(COMMA)) == {}
    assert renewed(checks(COMMA, WORDS), {}) == checks(COMMA, WORDS)
    assert conform(
        {"question": "Q", "answer": "A"},
        question_schema(
            shape_of(
                "text", question="", context="", options=(), classes=False, checks=checks(COMMA)
            ),
            {},
        ),
    ) == {"question": "Q", "answer": "A"}
