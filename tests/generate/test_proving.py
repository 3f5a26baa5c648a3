"""The vote where a verifier puts answers to the test: on what they do, among those that pass."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

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
from tsdg.protocols import Asked, Proof, ProofVerdict, Reply, Request
from tsdg.records import AnswerKind


class Doubler:
    """Takes ``n + n`` and ``2 * n`` for the same, ``wrong`` for one that fails its tests."""

    kind: AnswerKind = "code"
    method = "tests, then vote on behaviour"

    def __init__(self) -> None:
        self.batches: list[list[str]] = []

    def read(self, text: str, asked: Asked) -> str | None:
        return text.strip() or None

    def same(self, left: str, right: str) -> bool:
        raise AssertionError("the vote is on behaviour")

    async def prove(self, answers: Sequence[str], asked: Asked) -> list[Proof]:
        self.batches.append(list(answers))
        out = []
        for answer in answers:
            verdict: ProofVerdict = "wrong" if "wrong" in answer else "passed"
            behaviour = (
                "" if verdict == "wrong" else "double" if answer in ("n + n", "2 * n") else "other"
            )
            out.append(Proof(verdict=verdict, detail=f"{answer} tried", behaviour=behaviour))
        return out

    def alike(self, left: str, right: str) -> bool:
        return left == right


def solve(*answers: str) -> tuple[Solving, Doubler]:
    left = iter(answers)

    def script(request: Request) -> Reply:
        texts = [next(left) for _ in range(request.body.get("n", 1))]
        return reply(*(as_json(reasoning=f"because of {text}", answer=text) for text in texts))

    verifier = Doubler()
    step = AnswerStep(
        config=answers_config(),
        models=solvers(model()),
        prompts=prompt_set(),
        seed=7,
        verifier_for=lambda _: verifier,
        judge=None,
    )
    return asyncio.run(step(question("code"), ScriptedAsk(script))), verifier


def test_what_behaves_alike_votes_together_and_the_record_says_so() -> None:
    solving, _ = solve("2 * n", "n + n", "2 * n")
    assert solving.solution is not None
    assert solving.solution.answer == "2 * n"
    verification = solving.solution.verification
    assert (verification.method, verification.votes) == ("tests, then vote on behaviour", 3)


def test_what_fails_its_tests_has_no_vote_but_keeps_its_row() -> None:
    solving, verifier = solve("wrong 1", "n + n", "2 * n", "2 * n")
    assert solving.solution is not None
    assert solving.solution.answer == "n + n"
    assert solving.solution.reasoning == "because of n + n"
    assert [sample.answer for sample in solving.samples] == ["wrong 1", "n + n", "2 * n", "2 * n"]
    # Each answer is tried once, in the round in which it came.
    assert verifier.batches[:2] == [["wrong 1", "n + n", "2 * n"], ["2 * n"]]


def test_where_most_fail_the_rejection_shows_the_first() -> None:
    solving, _ = solve(*(f"wrong {n}" for n in range(5)))
    assert solving.solution is None
    assert solving.rejection is not None
    assert solving.rejection.reason == "failed_tests"
    assert solving.rejection.detail == "3 of 3 samples; the first: wrong 0 tried"
