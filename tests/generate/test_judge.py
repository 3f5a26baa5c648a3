"""What the judge is asked and how it is read; a judge without trust lets nothing through."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generate.rows import (
    ScriptedAsk,
    answers_config,
    as_json,
    model,
    prompt_set,
    question,
    questions_config,
    reply,
    seed,
    solvers,
)
from tsdg.config.judge import JudgeConfig
from tsdg.generate.answers import AnswerStep, Solving
from tsdg.generate.judge import Judge, judge_question, judge_turns
from tsdg.generate.judge_scores import Scores, read_scores, reconcile
from tsdg.generate.questions import Asking, QuestionStep
from tsdg.protocols import Reply, Request
from tsdg.records import Question
from tsdg.verify.free_text import FreeTextVerifier
from tsdg.verify.ifeval import InstructionVerifier


def config(**over: Any) -> JudgeConfig:
    values: dict[str, Any] = {
        "enabled": True,
        "form": "genrm",
        "rubric": "",
        "best_of": False,
        "min_score": 3.0,
        "principles": (),
        "question_min_score": 3.0,
        "question_principles": ("It is new.",),
        "sampling": {"temperature": 1.0, "top_p": 0.95, "max_tokens": 512},
    }
    return JudgeConfig(**{**values, **over})


JUDGE_MODEL = model(name="judge-model")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r"<b>[Individual Scores]</b> \boxed{2, 5} [Ranking Score] \boxed{6}", (2, 5, 6)),
        (r"thinking \boxed{1, 1} again: \boxed{4,3} and \boxed{2}", (4, 3, 2)),
        ("Score of Response 1: 4/5\nScore of Response 2: 2\nRanking score: 1", (4, 2, 1)),
        ("Helpfulness 1: **3**, helpfulness 2: 4. Ranking: 4", (3, 4, 4)),
        ('Here: {"score_1": 3, "score_2": 5, "ranking": 6} done', (3, 5, 6)),
        ('{"score_1": "3", "score_2": 5, "ranking": 6.0}', (3, 5, 6)),
        ('{"score_1": 3, "score_2": 9, "ranking": 1}', None),
        (r"\boxed{0, 3} \boxed{4}", None),
        (r"\boxed{3, 3} \boxed{7}", None),
        (r"\boxed{3, 3}", None),
        ("Response 1 is the better one.", None),
        ("第一个回答更好。", None),
        ("", None),
    ],
)
def test_scores_are_read_in_the_forms_that_judges_use(
    text: str, expected: tuple[float, float, float] | None
) -> None:
    found = read_scores(text)
    assert (found and (found.first, found.second, found.ranking)) == expected


@given(st.text(max_size=400))
def test_no_text_is_read_as_scores_out_of_scale(text: str) -> None:
    found = read_scores(text)
    assert found is None or (
        1 <= found.first <= 5 and 1 <= found.second <= 5 and 1 <= found.ranking <= 6
    )


@pytest.mark.parametrize(
    ("straight", "swapped", "expected"),
    [
        ((5, 1, 1), (1, 5, 6), (5, 2.5)),
        ((4, 2, 2), (3, 5, 4), (4.5, 1.0)),
        ((4, 2, 2), (4, 2, 2), (3, 0.0)),
        ((2, 4, 5), (4, 2, 1), (2, -2.0)),
    ],
)
def test_both_orders_make_one_judgement(
    straight: tuple[float, ...], swapped: tuple[float, ...], expected: tuple[float, ...]
) -> None:
    scores = [Scores(first=s[0], second=s[1], ranking=s[2]) for s in (straight, swapped)]
    found = reconcile(*scores)
    assert found is not None
    assert (found.one, found.preference) == expected
    assert reconcile(None, scores[1]) is None
    assert reconcile(scores[0], None) is None


def test_a_generative_reward_model_gets_its_own_roles() -> None:
    turns = judge_turns(
        config(), request="Why?", first="a", second="b", principles=("Be right.", "Be short.")
    )
    assert [turn["role"] for turn in turns] == ["user", "response_1", "response_2", "principle"]
    assert turns[3]["content"].endswith("1. Be right.\n2. Be short.")
    assert len(judge_turns(config(), request="Why?", first="a", second="b", principles=())) == 3


def test_a_rubric_is_filled_once_whatever_the_texts_hold() -> None:
    rubric = config(
        form="rubric", rubric="Q: {request}\nA: {response_1}\nB: {response_2}\n{principles}"
    )
    turns = judge_turns(
        rubric, request="{response_1}", first="{principles}", second="b", principles=()
    )
    assert turns == [{"role": "user", "content": "Q: {response_1}\nA: {principles}\nB: b"}]


def test_a_config_that_asks_for_nothing_or_has_no_places_is_refused() -> None:
    with pytest.raises(ValueError, match="ask for nothing"):
        config(min_score=0.0, question_min_score=0.0)
    with pytest.raises(ValueError, match="must have"):
        config(form="rubric", rubric="Which is better?")


# -- in the steps

Verdict = Callable[[str, str], str]


def says(first: float, second: float, ranking: int) -> Verdict:
    return lambda one, two: rf"\boxed{{{first}, {second}}} \boxed{{{ranking}}}"


def scripted(answer: Callable[[Request], Reply], verdict: Verdict) -> ScriptedAsk:
    def script(request: Request) -> Reply:
        turns = {turn["role"]: turn["content"] for turn in request.body["messages"]}
        if request.model == JUDGE_MODEL.name:
            return reply(verdict(turns["response_1"], turns["response_2"]))
        return answer(request)

    return ScriptedAsk(script)


def solve_texts(
    verdict: Verdict, texts: list[str], checks: tuple[str, ...] = (), **over: Any
) -> tuple[Solving, list[Request]]:
    left = iter(texts)
    ask = scripted(
        lambda request: reply(
            *(as_json(answer=next(left)) for _ in range(request.body.get("n", 1)))
        ),
        verdict,
    )
    step = AnswerStep(
        config=answers_config(
            samples=len(texts), first_round=1, rationale="trace", variants=("answer",)
        ),
        models=solvers(model()),
        prompts=prompt_set(),
        seed=7,
        verifier_for=lambda _: InstructionVerifier() if checks else FreeTextVerifier(),
        judge=Judge(config=config(**over), model=JUDGE_MODEL, seed=7),
    )
    return asyncio.run(step(question("text", checks=checks), ask)), ask.requests


def by_length(one: str, two: str) -> str:
    """A judge that likes long responses, whatever their order."""
    scores = [min(5, 1 + len(text) // 10) for text in (one, two)]
    ranking = 1 if len(one) > len(two) else 6 if len(two) > len(one) else 3
    return json.dumps({"score_1": scores[0], "score_2": scores[1], "ranking": ranking})


TEXTS = [
    "Yeast.",
    "Yeast makes gas that lifts the dough and swells it.",
    "Yeast eats sugar and makes gas.",
]


@pytest.mark.parametrize("order", range(6))
def test_of_free_texts_the_best_is_taken_wherever_it_stands(order: int) -> None:
    texts = random.Random(order).sample(TEXTS, 3)
    solving, requests = solve_texts(by_length, texts, best_of=True)
    assert solving.solution is not None
    assert solving.solution.answer == TEXTS[1]
    verification = solving.solution.verification
    assert (verification.method, verification.samples, verification.score) == (
        "judge, best of 3",
        3,
        5.0,
    )
    judged = [request for request in requests if request.model == JUDGE_MODEL.name]
    assert len(judged) == 6  # two comparisons to choose and one to score, each in both orders
    assert len({request.request_id for request in judged}) == 6


def test_of_texts_with_instructions_the_best_that_follows_them_is_taken() -> None:
    checks = ('{"id": "keywords:forbidden_words", "forbidden_words": ["swells"]}',)
    solving, _ = solve_texts(by_length, TEXTS, checks, best_of=True)
    assert solving.solution is not None
    assert solving.solution.answer == TEXTS[2]
    verification = solving.solution.verification
    assert (verification.method, verification.score) == ("instructions, then judge, best of 2", 4.0)


@pytest.mark.parametrize(
    ("verdict", "why"),
    [
        (lambda one, two: "Both are wonderful!", "could not be read"),
        (lambda one, two: "第一个更好", "could not be read"),
        (says(9, 9, 3), "could not be read"),
        (says(1, 1, 3), "less than 3"),
    ],
)
def test_rubbish_from_the_judge_lets_nothing_through(verdict: Verdict, why: str) -> None:
    for best_of in (True, False):
        solving, _ = solve_texts(verdict, [TEXTS[0]] * 3, best_of=best_of)
        assert solving.solution is None
        assert solving.rejection is not None
        assert (solving.rejection.reason, why in solving.rejection.detail) == ("judged", True)


def test_a_judge_that_always_likes_the_first_prefers_nothing() -> None:
    solving, _ = solve_texts(says(5, 2, 1), TEXTS, best_of=True)
    assert solving.solution is not None
    assert solving.solution.answer == TEXTS[0]
    assert solving.solution.verification.score == 3.5
    solving, _ = solve_texts(says(5, 2, 1), TEXTS, best_of=True, min_score=4.0)
    assert solving.solution is None


def test_a_vote_that_the_judge_does_not_like_is_no_record() -> None:
    def answers(request: Request) -> Reply:
        return reply(
            *(as_json(reasoning="so", answer="84") for _ in range(request.body.get("n", 1)))
        )

    def step(verdict: Verdict) -> Solving:
        made = AnswerStep(
            config=answers_config(),
            models=solvers(model()),
            prompts=prompt_set(),
            seed=7,
            verifier_for=lambda _: FreeTextVerifier(),
            judge=Judge(config=config(), model=JUDGE_MODEL, seed=7),
        )
        return asyncio.run(made(question("number"), scripted(answers, verdict)))

    liked = step(says(4, 4, 3)).solution
    assert liked is not None
    assert (liked.verification.method, liked.verification.score) == ("vote, then judge", 4.0)
    refused = step(says(2, 2, 3))
    assert refused.solution is None
    assert refused.rejection is not None
    assert "gives 2 of 5" in refused.rejection.detail


@pytest.mark.parametrize("parser", ["", "deepseek_r1"])
def test_what_a_model_thought_before_its_reply_is_not_shown(parser: str) -> None:
    def answers(request: Request) -> Reply:
        return reply(
            *("Answer: 84" for _ in range(request.body.get("n", 1))), reasoning="a long trace"
        )

    seen: list[str] = []

    def note(one: str, two: str) -> str:
        seen.extend((one, two))
        return says(4, 4, 3)(one, two)

    step = AnswerStep(
        config=answers_config(structured=False, rationale="trace"),
        models=solvers(model(reasoning_parser=parser)),
        prompts=prompt_set(),
        seed=7,
        verifier_for=lambda _: FreeTextVerifier(),
        judge=Judge(config=config(), model=JUDGE_MODEL, seed=7),
    )
    solution = asyncio.run(step(question("number"), scripted(answers, note))).solution
    assert solution is not None
    assert solution.reasoning == "a long trace"
    assert set(seen) == {"84" if parser else "a long trace\n\nAnswer: 84"}


def ask_questions(verdict: Verdict) -> Asking:
    written = as_json(
        question="Which organ lets a fish breathe?",
        answer="the gills",
        distractors=["fins", "scales", "tail"],
    )
    step = QuestionStep(
        config=questions_config(),
        model=model(),
        prompts=prompt_set(),
        seed=7,
        judge=Judge(config=config(), model=JUDGE_MODEL, seed=7),
    )
    return asyncio.run(step(seed(), scripted(lambda _: reply(written), verdict)))


def test_questions_pass_a_gate_and_all_of_them_are_accounted_for() -> None:
    good, bad, unread = (
        ask_questions(verdict) for verdict in (says(4, 4, 3), says(2, 2, 5), lambda one, two: "?")
    )
    assert (len(good.questions), len(good.rejections)) == (2, 0)
    for asking in (bad, unread):
        assert (len(asking.questions), {one.reason for one in asking.rejections}) == (0, {"judged"})
        assert len(asking.rejections) == 2
    assert good.usage.requests == 2 + 4


def test_the_judge_is_shown_the_question_and_its_options_not_the_claimed_answer() -> None:
    seen: list[str] = []

    def note(one: str, two: str) -> str:
        seen.extend((one, two))
        return r"\boxed{4, 4} \boxed{3}"

    ask_questions(note)
    assert any("Which organ lets a fish breathe?" in text and "- fins" in text for text in seen)


def test_a_question_from_a_passage_is_not_compared_with_the_passage() -> None:
    made, passage = question("text"), seed("text", question="", context="Yeast eats sugar.")
    ask = scripted(lambda _: reply(""), says(4, 4, 3))
    judged = asyncio.run(
        judge_question(Judge(config=config(), model=JUDGE_MODEL, seed=7), ask, passage, made)
    )
    assert (judged.score, judged.flaw) == (4.0, "")
    for request in ask.requests:
        asked, *responses = [turn["content"] for turn in request.body["messages"][:3]]
        assert asked.endswith("is inspired by this passage, but stands alone:\n\nYeast eats sugar.")
        assert responses == [made.question, made.question]


def test_a_question_row_is_what_the_solver_got() -> None:
    item: Question = question("text", context="A passage.")
    seen: list[Request] = []
    ask = scripted(lambda request: reply(as_json(answer="Gas.")), says(4, 4, 3))
    step = AnswerStep(
        config=answers_config(
            samples=1, first_round=1, rationale="trace", variants=("answer",), min_share=1.0
        ),
        models=solvers(model()),
        prompts=prompt_set(),
        seed=7,
        verifier_for=lambda _: FreeTextVerifier(),
        judge=Judge(config=config(), model=JUDGE_MODEL, seed=7),
    )
    solving = asyncio.run(step(item, ask))
    seen = [request for request in ask.requests if request.model == JUDGE_MODEL.name]
    assert solving.solution is not None
    assert all(
        request.body["messages"][0]["content"].startswith("A passage.\n\n") for request in seen
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            '{"overall": {"score_1": 4, "score_2": 2, "ranking": 2}, "rubric_evaluations": '
            '[{"score_1": 1, "score_2": 5, "ranking": 6}]}',
            Scores(first=4.0, second=2.0, ranking=2.0),
        ),
        ('So: {"score_1": 4, "score_2": 3}', Scores(first=4.0, second=3.0, ranking=3.5)),
        (
            '{"score_1": 1, "score_2": 1} then {"score_1": 5, "score_2": 2, "ranking": 1}',
            Scores(first=5.0, second=2.0, ranking=1.0),
        ),
        ('{"overall": 3}', None),
    ],
)
def test_scores_as_a_whole_go_before_those_by_criterion(text: str, expected: Any) -> None:
    assert read_scores(text) == expected


def test_a_verdict_that_cannot_be_read_is_asked_for_once_more() -> None:
    said = iter(["rubbish", '{"score_1": 5, "score_2": 1, "ranking": 1}'] * 4)
    seen: list[int] = []

    def answered(request: Request) -> Reply:
        seen.append(request.body["seed"])
        return reply("rubbish" if len(seen) <= 2 else next(said))

    ask = ScriptedAsk(answered)
    judge = Judge(config=config(), model=JUDGE_MODEL, seed=7)
    asyncio.run(judge.compare(ask, "row", request="q", one="a", two="b", principles=()))
    assert len(seen) == len(set(seen)) == 4
