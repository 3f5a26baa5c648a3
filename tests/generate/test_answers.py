from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from generate.rows import (
    ScriptedAsk,
    answers_config,
    as_json,
    model,
    prompt_set,
    question,
    reply,
    solvers,
)
from tsdg.config.recipe import AnswersConfig
from tsdg.generate.answers import AnswerStep, Solving
from tsdg.protocols import Asked, Reply, Request
from tsdg.records import AnswerKind, Question
from tsdg.text import normalise


class Plain:
    """A verifier that takes texts as they are: what verifiers read is tested with them."""

    def __init__(self, kind: AnswerKind) -> None:
        self.kind = kind
        self.method = "vote"
        self.asked: list[Asked] = []

    def read(self, text: str, asked: Asked) -> str | None:
        self.asked.append(asked)
        return text.strip() or None

    def same(self, left: str, right: str) -> bool:
        return normalise(left) == normalise(right)


def solve(
    item: Question,
    script: Callable[[Request], Reply | None],
    config: AnswersConfig | None = None,
    run_seed: int = 7,
    prompts: str = "default",
    **of_model: Any,
) -> tuple[Solving, list[Request], list[Asked]]:
    ask = ScriptedAsk(script)
    verifier = Plain(item.answer_kind)
    step = AnswerStep(
        config=config or answers_config(),
        models=solvers(model(**of_model)),
        prompts=prompt_set(prompts),
        seed=run_seed,
        verifier_for=lambda kind: verifier,
        judge=None,
    )
    return asyncio.run(step(item, ask)), ask.requests, verifier.asked


def replies(*answers: str | None) -> Callable[[Request], Reply | None]:
    """One completion after the other, whatever was asked; None is an empty one."""
    left = iter(answers)

    def script(request: Request) -> Reply:
        texts = [next(left) for _ in range(request.body.get("n", 1))]
        return reply(
            *("" if t is None else as_json(reasoning=f"because {t}", answer=t) for t in texts)
        )

    return script


NUMBER = question("number")


def test_samples_with_the_same_prompt_are_one_request_and_the_vote_stops_early() -> None:
    solving, requests, _ = solve(NUMBER, replies("84", "84", "84"))
    assert [request.body.get("n") for request in requests] == [3]
    assert requests[0].expected_tokens == 300
    assert solving.solution is not None
    assert solving.solution.answer == "84"
    assert solving.solution.reasoning == "because 84"
    assert solving.solution.verification.votes == 3
    assert solving.saved_samples == 2
    assert solving.rejection is None


def test_further_rounds_are_as_small_as_the_vote_allows() -> None:
    solving, requests, _ = solve(NUMBER, replies("84", "5", "84", "84"))
    assert [request.body.get("n", 1) for request in requests] == [3, 1]
    assert solving.solution is not None
    assert (solving.solution.verification.votes, solving.solution.verification.samples) == (3, 4)
    solving, requests, _ = solve(NUMBER, replies("84", "5", "6", "84", "7"))
    assert [request.body.get("n", 1) for request in requests] == [3, 1, 1]
    assert solving.rejection is not None
    assert solving.rejection.reason == "no_majority"
    assert (solving.rejection.row_id, solving.rejection.stage) == (NUMBER.question_id, "answers")
    assert solving.saved_samples == 0


def test_the_solver_sees_the_question_and_never_the_claimed_answer() -> None:
    for kind in ("choice", "number", "math", "short_text", "text", "code", "boolean", "json"):
        item = question(kind)  # type: ignore[arg-type]
        config = answers_config(few_shot=3, variants=("answer", "enriched"))
        _, requests, _ = solve(
            item, lambda request: reply(as_json(answer="x", reasoning="y")), config
        )
        asked = json.dumps([dict(request.body) for request in requests])
        assert "CLAIMED-BY-THE-GENERATOR" not in asked
        assert json.dumps(item.question)[1:-1] in asked


def test_of_the_tests_of_an_exercise_only_the_first_is_shown() -> None:
    item = question("code")
    _, requests, asked = solve(item, replies("def f(): ...", "def f(): ...", "def f(): ..."))
    text = json.dumps(dict(requests[0].body))
    assert item.checks[0] in text
    assert item.checks[1] not in text
    assert asked[0].checks == item.checks


CHOICE = question("choice")


def first_shown(request: Request) -> str:
    text = str(request.body["messages"][-1]["content"])
    return next(line[2:] for line in text.splitlines() if line.startswith("- "))


def test_options_are_turned_so_that_a_liking_for_a_place_cancels() -> None:
    def first(request: Request) -> Reply:
        return reply(as_json(reasoning="it is first", answer=first_shown(request)))

    config = answers_config(samples=8, free_samples=8, first_round=8, min_share=0.5, max_chance=1.0)
    solving, requests, asked = solve(CHOICE, first, config)
    assert len(requests) == 8
    assert all("n" not in request.body for request in requests)
    assert Counter(sample.answer for sample in solving.samples) == dict.fromkeys(CHOICE.options, 2)
    assert solving.rejection is not None
    for sample, seen in zip(solving.samples, asked, strict=True):
        assert seen.options == tuple(CHOICE.options[index] for index in sample.option_order)
        assert sample.answer == seen.options[0]
    enums = [
        request.body["response_format"]["json_schema"]["schema"]["properties"]["answer"]
        for request in requests
    ]
    assert [tuple(enum["enum"]) for enum in enums] == [seen.options for seen in asked]


CLOSING = {
    "options": ("oak", "elm", "ash", "none of these"),
    "answer": "none of these",
}


@pytest.mark.parametrize("options", [2, 3, 4])
def test_who_always_takes_one_place_never_wins_not_with_an_option_that_speaks_of_the_others(
    options: int,
) -> None:
    item = question("choice", options=(*("oak", "elm", "ash")[: options - 1], "none of these"))
    for place in (0, -1):

        def taker(request: Request, place: int = place) -> Reply:
            shown = [
                line[2:]
                for line in str(request.body["messages"][-1]["content"]).splitlines()
                if line[2:] in item.options
            ][:options]
            return reply(as_json(reasoning="it stands there", answer=shown[place]))

        solving, _, asked = solve(item, taker, answers_config(samples=8, max_chance=0.1))
        assert solving.rejection is not None
        assert len({seen.options[place] for seen in asked}) > 1


def test_the_solver_is_told_what_an_option_that_speaks_of_the_others_speaks_of() -> None:
    item = question("choice", **CLOSING)
    solving, requests, _ = solve(
        item, lambda _: reply(as_json(reasoning="no tree", answer="none of these"))
    )
    assert solving.solution is not None
    assert solving.solution.answer == "none of these"
    for request in requests:
        text = str(request.body["messages"][-1]["content"])
        assert text.count("- none of these") == 2
    _, requests, _ = solve(
        CHOICE, lambda _: reply(as_json(reasoning="roots drink", answer="the roots"))
    )
    assert "wherever" not in str(requests[0].body["messages"][-1]["content"])


def test_a_vote_on_permuted_options_is_on_the_text() -> None:
    solving, _, _ = solve(
        CHOICE, lambda _: reply(as_json(reasoning="roots drink", answer="the roots"))
    )
    assert solving.solution is not None
    assert solving.solution.answer == "the roots"
    assert solving.solution.verification.chance < 0.2


def test_hidden_options_are_enforced_and_not_shown() -> None:
    config = answers_config(show_options=False, rationale="trace", few_shot=2, variants=("answer",))
    solving, requests, _ = solve(CHOICE, lambda _: reply("the roots"), config, prompts="small")
    assert solving.solution is not None
    for request in requests:
        assert request.body["structured_outputs"] == {"choice": list(CHOICE.options)}
        assert "response_format" not in request.body
        text = json.dumps(request.body["messages"])
        assert not any(option in text for option in CHOICE.options)
        assert "- " not in text
        assert request.body["messages"][2] == {
            "role": "assistant",
            "content": request.body["messages"][2]["content"],
        }
        assert not request.body["messages"][2]["content"].startswith("{")
    assert {sample.option_order for sample in solving.samples} == {()}


def test_few_shot_subsets_differ_from_vote_to_vote() -> None:
    config = answers_config(few_shot=2, first_round=3)
    _, requests, _ = solve(NUMBER, replies("84", "84", "84"), config, prompts="small")
    assert len(requests) == 3
    assert len({request.prefix for request in requests}) == 3
    assert len({request.body["seed"] for request in requests}) == 3


def test_the_same_question_makes_the_same_requests_and_runs_differ() -> None:
    config = answers_config(few_shot=2, variants=("answer", "enriched"))
    script = lambda _: reply(as_json(reasoning="r", answer="the roots"))  # noqa: E731
    first, asked_first, _ = solve(CHOICE, script, config)
    again, asked_again, _ = solve(CHOICE, script, config)
    _, other_run, _ = solve(CHOICE, script, config, run_seed=8)
    _, other_question, _ = solve(question("choice", question_id="other"), script, config)
    assert first == again
    assert asked_first == asked_again
    every = [*asked_first, *other_run, *other_question]
    assert len({request.body["seed"] for request in every}) == len(every)
    assert len({request.request_id for request in every}) == len(every)


def test_without_structure_the_reasoning_is_split_from_the_last_line() -> None:
    config = answers_config(structured=False)
    solving, requests, _ = solve(
        NUMBER, lambda _: reply(*["7 times 12 is 84.\n\nAnswer: 84"] * 3), config
    )
    assert "response_format" not in requests[0].body
    assert requests[0].body["messages"][-1]["content"].endswith("...\n\nAnswer: ...")
    assert solving.solution is not None
    assert (solving.solution.reasoning, solving.solution.answer) == ("7 times 12 is 84.", "84")


def test_a_written_solution_is_asked_for_whether_the_model_thinks_or_not() -> None:
    asked = []
    for parser in ("", "qwen3"):
        thoughts = "hm, 84?" if parser else ""
        solving, requests, _ = solve(
            NUMBER,
            lambda _, thoughts=thoughts: reply(
                *["7 times 12 is 84.\n\nAnswer: 84"] * 3, reasoning=thoughts
            ),
            answers_config(structured=False),
            reasoning_parser=parser,
        )
        assert solving.solution is not None
        assert (solving.solution.reasoning, solving.solution.trace) == ("7 times 12 is 84.", "")
        assert {sample.reasoning for sample in solving.samples} == {"7 times 12 is 84."}
        asked.append(requests[0].body["messages"])
    assert asked[0] == asked[1]
    assert "First write the solution, in English" in asked[0][-1]["content"]


def test_the_trace_is_kept_where_it_is_wanted() -> None:
    script = lambda _: reply(*["7 x 12\n\nAnswer: 84"] * 3, reasoning="hm, 84?")  # noqa: E731
    both = answers_config(structured=False, rationale="both")
    kept = solve(NUMBER, script, both)[0].solution
    assert kept is not None
    assert (kept.reasoning, kept.trace) == ("7 x 12", "hm, 84?")
    alone, requests, _ = solve(NUMBER, script, answers_config(structured=False, rationale="trace"))
    assert alone.solution is not None
    assert (alone.solution.reasoning, alone.solution.trace) == ("hm, 84?", "")
    text = requests[0].body["messages"][-1]["content"]
    assert "First" not in text
    assert text.endswith("form, with your own text for the dots:\nAnswer: ...")


def test_think_tags_are_reasoning_and_a_model_that_never_ends_abstains() -> None:
    config = answers_config(structured=False, rationale="trace")
    solving, _, _ = solve(NUMBER, lambda _: reply(*["<think>12 by 7</think>84"] * 3), config)
    assert solving.solution is not None
    assert (solving.solution.reasoning, solving.solution.answer) == ("12 by 7", "84")
    solving, _, _ = solve(NUMBER, lambda _: reply(*["<think>12 by 7 is 84"] * 3), config)
    assert solving.rejection is not None
    assert solving.rejection.reason == "no_answer"


@pytest.mark.parametrize(
    ("script", "reason", "detail"),
    [
        (lambda _: None, "request_failed", "3 of 3 samples: too_long: the prompt does not fit"),
        (
            lambda r: reply(*["8"] * r.body.get("n", 1), finish="length"),
            "truncated",
            "3 of 3 samples reached the",
        ),
        (
            lambda r: reply(*["rubbish"] * r.body.get("n", 1)),
            "no_answer",
            "3 of 3 samples abstained",
        ),
        (lambda r: reply(), "no_answer", "3 of 3 samples abstained"),
        (replies("1", "1", "2", "2", "3"), "tie", "two answers have 2 of 5 samples each"),
        (replies("1", "2", "3", "4", "5"), "no_majority", "1 of 4 samples agree"),
    ],
)
def test_rejections_say_why(
    script: Callable[[Request], Reply | None], reason: str, detail: str
) -> None:
    solving, requests, _ = solve(NUMBER, script)
    assert solving.solution is None
    assert solving.rejection is not None
    assert solving.rejection.reason == reason
    assert detail in solving.rejection.detail
    assert solving.usage.requests == len(requests)
    assert solving.saved_samples == 5 - len(solving.samples)


def test_one_failed_request_costs_its_samples_and_not_the_question() -> None:
    left = iter([None, *[reply(as_json(reasoning="r", answer="the roots"))] * 4])
    config = answers_config(min_share=0.6, max_chance=1.0)
    solving, _, _ = solve(CHOICE, lambda _: next(left), config)
    assert solving.solution is not None
    assert (solving.solution.verification.votes, solving.solution.verification.samples) == (3, 4)
    assert [sample.finish_reason for sample in solving.samples] == [
        "failed",
        "stop",
        "stop",
        "stop",
    ]
    assert solving.usage.requests == 4
    assert solving.usage.prompt_tokens == 30


def test_tokens_add_up_over_the_samples() -> None:
    def script(request: Request) -> Reply:
        return reply(*["x"] * request.body.get("n", 1), prompt=101, completion=32)

    solving, requests, _ = solve(NUMBER, script)
    assert (
        sum(s.prompt_tokens for s in solving.samples)
        == solving.usage.prompt_tokens
        == 101 * len(requests)
    )
    assert (
        sum(s.completion_tokens for s in solving.samples)
        == solving.usage.completion_tokens
        == 32 * len(requests)
    )
    assert [s.completion_tokens for s in solving.samples[:3]] == [12, 10, 10]
    assert [s.sample for s in solving.samples] == list(range(len(solving.samples)))


def test_yes_or_no_is_a_vote_between_two() -> None:
    config = answers_config(max_chance=0.1)
    solving, requests, asked = solve(question("boolean"), replies(*["no"] * 5), config)
    assert asked[0].options == ("yes", "no")
    assert requests[0].body["response_format"]["json_schema"]["schema"]["properties"]["answer"][
        "enum"
    ] == ["yes", "no"]
    assert solving.solution is not None
    assert solving.solution.verification.votes == 5
    strict = answers_config(max_chance=0.01)
    solving, _, _ = solve(question("boolean"), replies("no", "no", "no", "no", "no"), strict)
    assert solving.rejection is not None
    assert solving.rejection.reason == "chance"


def enriched(
    item: Question, answer: str, knowledge: Reply | None, **over: Any
) -> tuple[Solving, Request]:
    config = answers_config(variants=("answer", "enriched"), **over)

    def script(request: Request) -> Reply | None:
        if "knowledge" in json.dumps(request.body.get("response_format")):
            return knowledge
        text = as_json(reasoning="r", answer=answer) if config.rationale == "written" else answer
        return reply(*[text] * request.body.get("n", 1))

    solving, requests, _ = solve(item, script, config)
    return solving, requests[-1]


WHY = {
    "the petals": "They attract insects.",
    "the seeds": "They sprout.",
    "the bark": "It protects.",
}


def test_the_enrichment_explains_every_wrong_option() -> None:
    good = reply(as_json(definition="A root is ...", background="Water moves ...", why_wrong=WHY))
    solving, request = enriched(CHOICE, "the roots", good)
    assert solving.solution is not None
    assert solving.solution.knowledge == "A root is ...\n\nWater moves ..."
    assert {d.option: d.why_wrong for d in solving.solution.distractors} == WHY
    assert solving.solution.reasoning == "r"
    text = request.body["messages"][-1]["content"]
    assert "Answer:\nthe roots" in text
    assert '"why_wrong": {"the petals": "...", "the seeds": "...", "the bark": "..."}' in text
    assert solving.usage.requests == 5
    assert solving.usage.completion_tokens == 35


def test_reasoning_is_asked_for_where_no_sample_gave_any() -> None:
    good = reply(as_json(definition="d", background="b", reasoning="from d to b", why_wrong=WHY))
    solving, request = enriched(CHOICE, "the roots", good, rationale="trace")
    assert solving.solution is not None
    assert solving.solution.reasoning == "from d to b"
    schema = request.body["response_format"]["json_schema"]["schema"]
    assert list(schema["properties"]) == ["definition", "background", "reasoning", "why_wrong"]


@pytest.mark.parametrize(
    ("knowledge", "reason"),
    [
        (None, "request_failed"),
        (reply(), "bad_schema"),
        (reply("no JSON"), "bad_schema"),
        (
            reply(as_json(definition="d", background="b", why_wrong=WHY), finish="length"),
            "truncated",
        ),
        (reply(as_json(definition="d", background="b")), "bad_schema"),
        (reply(as_json(definition="d", background=" - ", why_wrong=WHY)), "bad_format"),
        (
            reply(as_json(definition="d", background="b", why_wrong={**WHY, "the bark": ""})),
            "bad_format",
        ),
    ],
)
def test_an_unusable_enrichment_is_asked_for_again_and_its_loss_has_a_reason(
    knowledge: Reply | None, reason: str
) -> None:
    solving, _ = enriched(CHOICE, "the roots", knowledge)
    assert solving.solution is not None
    assert (solving.solution.knowledge, solving.solution.distractors) == ("", ())
    assert solving.solution.unenriched == reason
    assert solving.usage.requests == (5 if knowledge is None else 6)
    assert solving.usage.prompt_tokens == (40 if knowledge is None else 60)


def test_a_second_try_of_an_enrichment_has_another_seed_and_counts() -> None:
    good = as_json(definition="A root is ...", background="Water moves ...", why_wrong=WHY)
    seeds = []

    def script(request: Request) -> Reply:
        if "definition" not in json.dumps(dict(request.body)):
            return reply(as_json(reasoning="r", answer="the roots"))
        seeds.append(request.body["seed"])
        return reply(good if len(seeds) == 2 else "no JSON")

    solving, _, _ = solve(CHOICE, script, answers_config(variants=("enriched",)))
    assert solving.solution is not None
    assert solving.solution.knowledge.startswith("A root is")
    assert solving.solution.unenriched == ""
    assert len(set(seeds)) == 2


def test_rejected_questions_are_not_enriched() -> None:
    config = answers_config(variants=("enriched",))
    _, requests, _ = solve(NUMBER, replies("1", "2", "3", "4", "5"), config)
    assert sum(request.body.get("n", 1) for request in requests) <= 5
    assert all("definition" not in json.dumps(dict(request.body)) for request in requests)


def test_provenance_names_the_request_of_a_winning_sample() -> None:
    solving, requests, _ = solve(NUMBER, replies("5", "84", "84", "84"))
    assert solving.solution is not None
    made = solving.solution.provenance
    assert made.request_id == requests[0].request_id
    assert made.prompt == "answers/number"
    assert json.loads(made.sampling)["request_seed"] == requests[0].body["seed"]
