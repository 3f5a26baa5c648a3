from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from generate.rows import ScriptedAsk, as_json, model, prompt_set, questions_config, reply, seed
from tsdg.config.questions import QuestionsConfig
from tsdg.generate.questions import Asking, QuestionStep
from tsdg.protocols import Reply, Request
from tsdg.records import Question, Seed

GOOD = as_json(
    question="Which organ lets a fish take oxygen out of the water?",
    answer="the gills",
    distractors=["the fins", "the scales", "the tail"],
)


def ask(
    row: Seed, answer: Any, config: QuestionsConfig | None = None, run_seed: int = 7
) -> tuple[Asking, list[Request]]:
    script = ScriptedAsk(answer if callable(answer) else lambda _: reply(answer))
    step = QuestionStep(
        config=config or questions_config(),
        model=model(),
        prompts=prompt_set("small"),
        seed=run_seed,
        judge=None,
    )
    return asyncio.run(step(row, script)), script.requests


def one(row: Seed, text: str | Reply, **over: Any) -> tuple[Question | None, str, str]:
    answer = reply(text) if isinstance(text, str) else text
    asking, _ = ask(row, lambda _: answer, questions_config(per_seed=1, **over))
    if asking.questions:
        assert not asking.rejections
        return asking.questions[0], "", ""
    return None, asking.rejections[0].reason, asking.rejections[0].detail


def test_a_question_keeps_what_its_seed_is_and_takes_what_was_written() -> None:
    row = seed()
    question, _, _ = one(row, GOOD)
    assert question is not None
    assert question.question == "Which organ lets a fish take oxygen out of the water?"
    assert question.claimed_answer == "the gills"
    assert sorted(question.options) == ["the fins", "the gills", "the scales", "the tail"]
    assert (question.seed_ids, question.task, question.language) == ((row.seed_id,), row.task, "en")
    assert question.provenance.prompt == "questions/choice"
    assert question.provenance.prompt_hash == prompt_set("small").get("questions", "choice").hash


def test_the_right_option_stands_in_every_place_alike() -> None:
    places = [0] * 4
    for number in range(400):
        question, _, _ = one(seed(seed_id=f"s{number}"), GOOD)
        assert question is not None
        places[question.options.index("the gills")] += 1
    assert all(70 < place < 130 for place in places)


def test_an_option_that_speaks_of_those_above_it_is_stored_last() -> None:
    row = seed(options=("the roots", "the petals", "the bark", "none of these"))
    text = as_json(
        question="Which organ?",
        answer="None of these",
        distractors=["the fins", "the tail", "the eyes"],
    )
    for number in range(20):
        question, _, why = one(
            seed(options=row.options, seed_id=f"s{number}"), text.replace("organ", "organ is it")
        )
        assert question is not None, why
        assert question.options[-1] == question.claimed_answer == "None of these"


def test_the_same_seed_makes_the_same_requests_and_ids() -> None:
    first, asked_first = ask(seed(), GOOD)
    again, asked_again = ask(seed(), GOOD)
    assert first == again
    assert asked_first == asked_again


def test_draws_seeds_and_runs_differ_in_everything_that_is_drawn() -> None:
    asking, requests = ask(seed(), GOOD, questions_config(per_seed=20))
    _, other_run = ask(seed(), GOOD, questions_config(per_seed=20), run_seed=8)
    _, other_seed = ask(seed(seed_id="other"), GOOD, questions_config(per_seed=20))
    every = [*requests, *other_run, *other_seed]
    assert len({request.body["seed"] for request in every}) == 60
    assert len({request.request_id for request in every}) == 60
    assert len({question.question_id for question in asking.questions}) == 20
    topics = {request.body["messages"][-1]["content"] for request in requests}
    assert len(topics) == 20
    assert len({request.prefix for request in every}) <= 8


def test_ids_are_known_before_asking_and_do_not_depend_on_the_reply() -> None:
    asked, _ = ask(seed(), GOOD)
    failed, _ = ask(seed(), lambda _: None)
    assert [q.question_id for q in asked.questions] == [r.row_id for r in failed.rejections]


def test_the_request_shows_examples_first_and_the_seed_last() -> None:
    _, requests = ask(seed(), GOOD)
    body = requests[0].body
    assert [turn["role"] for turn in body["messages"]] == [
        "system",
        "user",
        "assistant",
        "user",
        "assistant",
        "user",
    ]
    last = body["messages"][-1]["content"]
    assert seed().question in last
    assert "- the roots\n- the petals" in last
    shown = json.loads(body["messages"][2]["content"])
    assert list(shown) == ["question", "answer", "distractors"]
    assert list(body["response_format"]["json_schema"]["schema"]["properties"]) == list(shown)
    assert body["max_tokens"] == requests[0].expected_tokens == 100


def test_without_structure_and_topics_and_examples() -> None:
    config = questions_config(structured=False, topics=False, few_shot=0)
    asking, requests = ask(seed(), f"Sure:\n```json\n{GOOD}\n```", config)
    assert len(asking.questions) == 2
    assert "response_format" not in requests[0].body
    assert len(requests[0].body["messages"]) == 2
    assert "about this topic" not in requests[0].body["messages"][-1]["content"]


def test_every_draw_ends_once_and_usage_counts_every_request() -> None:
    script = iter([reply(GOOD), None, reply("no JSON"), reply(GOOD, finish="length")])
    asking, requests = ask(seed(), lambda _: next(script), questions_config(per_seed=4))
    assert len(asking.questions) == 1
    assert [rejection.reason for rejection in asking.rejections] == [
        "request_failed",
        "bad_schema",
        "truncated",
    ]
    assert {rejection.stage for rejection in asking.rejections} == {"questions"}
    assert "too_long: the prompt does not fit" in asking.rejections[0].detail
    assert (asking.usage.requests, asking.usage.prompt_tokens, asking.usage.completion_tokens) == (
        4,
        30,
        21,
    )
    assert len(requests) == 4


PUBMED = seed(
    context=(
        "Sixty office workers took a daily walk; their resting pulse fell by six beats a minute."
    ),
    question="Does daily walking lower the resting pulse?",
    options=("yes", "no", "maybe"),
    classes=True,
    answer="yes",
    domain="medical",
)
WINOGRANDE = seed(
    question="Ann rang Eve because _ was ill.",
    options=("Ann", "Eve"),
    answer="Eve",
    domain="commonsense: coreference",
)
MBPP = seed("code")


def test_a_seed_with_passage_and_fixed_options() -> None:
    passage = "Ninety adults took a course in relaxation; they fell asleep as late as before."
    text = as_json(
        context=passage, question="Does the course help adults to fall asleep?", answer="no"
    )
    question, _, _ = one(PUBMED, text)
    assert question is not None
    assert question.options == ("yes", "no", "maybe")
    assert (question.context, question.claimed_answer) == (passage, "no")
    _, requests = ask(PUBMED, text)
    schema = requests[0].body["response_format"]["json_schema"]["schema"]
    assert schema["properties"]["answer"] == {"type": "string", "enum": ["yes", "no", "maybe"]}
    assert PUBMED.context in requests[0].body["messages"][-1]["content"]
    assert one(PUBMED, as_json(question="Does it?", answer="no"))[1] == "bad_schema"
    assert (
        one(PUBMED, as_json(context=PUBMED.context, question="Does it?", answer="no"))[1]
        == "copy_of_seed"
    )


def test_a_sentence_with_a_blank() -> None:
    good = as_json(question="Tom paid Ben because _ had won.", answer="Ben", distractors=["Tom"])
    question, _, _ = one(WINOGRANDE, good)
    assert question is not None
    assert set(question.options) == {"Tom", "Ben"}
    for bad in (
        as_json(question="Tom paid Ben because Ben had won.", answer="Ben", distractors=["Tom"]),
        as_json(question="Tom paid Ben because _ had won.", answer="Ben", distractors=["Rob"]),
    ):
        assert one(WINOGRANDE, bad)[1] == "bad_format"


def test_an_exercise_with_assertions() -> None:
    code = "def triple(n):\n    return 3 * n"
    asserts = ["assert triple(1) == 3", "assert triple(0) == 0", "assert triple(0) == 0"]
    question, _, _ = one(
        MBPP, as_json(question="Write a function triple(n).", checks=asserts, answer=code)
    )
    assert question is not None
    assert question.checks == ("assert triple(1) == 3", "assert triple(0) == 0")
    assert question.claimed_answer == code
    assert (
        one(MBPP, as_json(question="Write a function f(n).", checks=asserts, answer=code))[1]
        == "bad_format"
    )


def test_a_json_task() -> None:
    schema = {"type": "object", "properties": {"cups": {"type": "integer"}}, "required": ["cups"]}
    row = seed("json")
    question, _, _ = one(
        row, as_json(question="Extract: three cups of milk.", schema=schema, answer={"cups": 3})
    )
    assert question is not None
    assert json.loads(question.checks[0]) == schema
    assert json.loads(question.claimed_answer) == {"cups": 3}
    assert (
        one(row, as_json(question="Extract: three cups.", schema=schema, answer={"cups": "x"}))[1]
        == "bad_format"
    )


def test_numbers_and_yes_or_no() -> None:
    question, _, _ = one(
        seed("number"),
        as_json(question="A coach seats 50. How many seat 30 coaches?", answer="1,500"),
    )
    assert question is not None
    assert question.claimed_answer == "1500"
    question, _, _ = one(seed("boolean"), as_json(question="Is a bat a bird?", answer="No"))
    assert question is not None
    assert (question.claimed_answer, question.options) == ("no", ())
    assert (
        one(seed("boolean"), as_json(question="Is a bat a bird?", answer="perhaps"))[1]
        == "bad_schema"
    )


@pytest.mark.parametrize(
    ("text", "reason", "detail"),
    [
        (reply(), "bad_schema", "no completion"),
        ('{"question": "Q?"}', "bad_schema", "reply has no 'answer'"),
        (
            as_json(question="Why?", answer="x", distractors=["a", "A", "b"]),
            "bad_format",
            "two options are the same",
        ),
        (
            as_json(question=seed().question, answer="ivy", distractors=["oak", "elm", "fir"]),
            "copy_of_seed",
            "100%",
        ),
        (
            as_json(question="Why?", answer=" ", distractors=["a", "b", "c"]),
            "bad_format",
            "the answer is empty",
        ),
        (reply(f"<think>{GOOD}", reasoning=""), "bad_schema", "no JSON object"),
    ],
)
def test_rejections(text: str | Reply, reason: str, detail: str) -> None:
    question, found, why = one(seed(), text)
    assert question is None
    assert found == reason
    assert detail in why


def test_a_copy_of_an_example_is_a_copy() -> None:
    def script(request: Request) -> Reply:
        return reply(request.body["messages"][2]["content"])

    asking, _ = ask(seed(), script)
    assert [rejection.reason for rejection in asking.rejections] == ["copy_of_seed", "copy_of_seed"]


def test_thinking_before_the_json_is_no_harm() -> None:
    question, _, _ = one(seed(), f'<think>maybe {{"question": 1}}</think>{GOOD}')
    assert question is not None


def test_an_interruption_goes_through_and_leaves_nothing_running() -> None:
    class StopError(Exception):
        pass

    alive = 0

    async def interrupted(request: Request) -> Reply:
        nonlocal alive
        alive += 1
        try:
            await asyncio.sleep(0 if alive == 2 else 60)
            raise StopError
        finally:
            alive -= 1

    step = QuestionStep(
        config=questions_config(per_seed=3),
        model=model(),
        prompts=prompt_set("small"),
        seed=7,
        judge=None,
    )

    async def run() -> None:
        with pytest.raises(StopError):
            await step(seed(), interrupted)
        assert alive == 0

    asyncio.run(run())


def passage_seed() -> Seed:
    text = (
        "Light slows down in glass. The ratio of its speeds is the refractive index of the glass."
    )
    return seed("text", question="", context=text, answer="")


def test_a_stand_alone_question_comes_without_passage_and_claim() -> None:
    question, reason, detail = one(
        passage_seed(),
        as_json(question="Derive the path of a ray in a layered medium."),
        stand_alone=True,
        few_shot=0,
    )
    assert question is not None, (reason, detail)
    assert (question.context, question.claimed_answer, question.options) == ("", "", ())
    _, requests = ask(
        passage_seed(), as_json(question="Why?"), questions_config(stand_alone=True, few_shot=0)
    )
    schema = requests[0].body["response_format"]["json_schema"]["schema"]
    assert list(schema["properties"]) == ["question"]
    assert "refractive index" in json.dumps(requests[0].body["messages"])


@pytest.mark.parametrize(
    "said", ["According to the passage, why is it so?", "Why, as described in the text above?"]
)
def test_a_stand_alone_question_must_not_speak_of_its_passage(said: str) -> None:
    _, reason, detail = one(passage_seed(), as_json(question=said), stand_alone=True, few_shot=0)
    assert reason == "bad_format"
    assert "passage" in detail


def test_a_choice_that_stands_alone_still_has_its_answer() -> None:
    question, _, _ = one(seed(), GOOD, stand_alone=True)
    assert question is not None
    assert question.claimed_answer == "the gills"
