"""What the writer claimed, beside what the samples say."""

from __future__ import annotations

import asyncio
from dataclasses import replace
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
from tsdg.generate.answers import AnswerStep, Solving
from tsdg.records import Question
from tsdg.verify import verifier_for


def solve(item: Question, *answers: Any, **over: Any) -> Solving:
    """Solve with samples that give these answers, one after the other."""
    left = iter(answers)
    ask = ScriptedAsk(
        lambda request: reply(
            *(
                as_json(reasoning="so it is", answer=next(left))
                for _ in range(request.body.get("n", 1))
            )
        )
    )
    config = answers_config(**{"max_chance": 0.1, "variants": ("answer",), **over})
    step = AnswerStep(
        config=config,
        models=solvers(model()),
        prompts=prompt_set(),
        seed=7,
        verifier_for=lambda q: verifier_for(q.answer_kind),
        judge=None,
    )
    return asyncio.run(step(item, ask))


def claiming(kind: Any, claim: str, **over: Any) -> Question:
    return replace(question(kind, **over), claimed_answer=claim)


@pytest.mark.parametrize(
    ("kind", "claim", "given", "agrees"),
    [
        ("number", "84", 84, True),
        ("number", "84.0", 84, True),
        ("number", "85", 84, False),
        ("number", "", 84, None),
        ("number", "many", 84, None),  # says nothing that could be compared
        ("math", "\\frac{1}{2}", "0.5", True),
        ("boolean", "No", "no", True),
        ("boolean", "yes", "no", False),
        ("choice", "the roots", "the roots", True),
        ("choice", "the bark", "the roots", False),
        ("short_text", "Adriatic", "the Adriatic", True),
        ("json", '{"tea": 2}', {"tea": 2}, True),
        ("json", '{"tea": 3}', {"tea": 2}, False),
    ],
)
def test_every_kind_says_whether_its_claim_agrees(
    kind: Any, claim: str, given: Any, agrees: bool | None
) -> None:
    solving = solve(claiming(kind, claim), *[given] * 5)
    assert solving.solution is not None
    assert solving.solution.verification.claim_agrees is agrees


def test_free_texts_say_nothing_of_their_claim() -> None:
    solving = solve(claiming("text", "Yeast makes gas."), *["Yeast makes gas."] * 5)
    assert solving.solution is not None
    assert solving.solution.verification.claim_agrees is None


def test_what_was_claimed_can_be_required() -> None:
    refused = solve(claiming("number", "85"), *[84] * 5, claim="require").rejection
    assert refused is not None
    assert refused.reason == "claim_disagrees"
    assert "3 of 3 samples say '84', the writer claimed '85'" in refused.detail
    assert solve(claiming("number", "84"), *[84] * 5, claim="require").solution is not None
    assert solve(claiming("number", ""), *[84] * 5, claim="require").solution is not None


def test_a_claim_that_votes_is_one_sample_fewer_and_counts_in_the_chance() -> None:
    config: dict[str, Any] = {"claim": "vote", "samples": 4}
    solving = solve(claiming("boolean", "no"), *["no"] * 4, **config)
    assert solving.solution is not None
    said = solving.solution.verification
    assert (said.method, said.votes, said.samples, said.agreement) == (
        "vote with the claim",
        4,
        4,
        1,
    )
    assert said.chance == 2 / 2**5
    assert said.claim_agrees
    against = solve(claiming("boolean", "yes"), *["no"] * 4, **config)
    assert against.rejection is not None
    without = solve(claiming("boolean", ""), *["no"] * 4, **config)
    assert without.rejection is not None
    assert without.rejection.reason == "chance"
    assert without.samples == ()  # nothing is asked for a vote that cannot be won


def test_a_claim_alone_wins_nothing() -> None:
    config: dict[str, Any] = {"claim": "vote", "samples": 1, "first_round": 1, "min_share": 0.0}
    solving = solve(claiming("number", "84"), "no idea", **config)
    assert solving.solution is None


def test_agreement_is_of_all_samples_of_the_vote_not_of_those_drawn() -> None:
    solving = solve(claiming("choice", "the roots"), *["the roots"] * 4)
    assert solving.solution is not None
    said = solving.solution.verification
    assert (said.votes, said.samples, said.agreement) == (4, 4, 0.8)
    assert solving.saved_samples == 1
