"""Two solvers: what the quick one leaves undecided goes on to a stronger one."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from typing import Any

import pytest

from generate.rows import (
    SAMPLING,
    ScriptedAsk,
    answers_config,
    as_json,
    model,
    prompt_set,
    question,
    reply,
)
from tsdg.config.answers import AnswersConfig, EscalateConfig
from tsdg.generate.answer_case import AnswerModels
from tsdg.generate.answers import AnswerStep, Solving
from tsdg.generate.vote_pair import (
    ALIKE,
    BETTER,
    KEPT,
    KNOWN,
    PRICE,
    SLIP,
    STRONGER,
    UNBOUNDED_GUESS,
    Odds,
    Vote,
    alone_odds,
    pair_odds,
)
from tsdg.generate.voteplan import (
    VotePlan,
    Wish,
    plan_of,
    second_plan,
    second_wish,
    spent_chance,
    wish_of,
)
from tsdg.generate.voting import Accept, Open, Reject, VoteRule, decide, next_round, tally
from tsdg.protocols import Reply, Request
from tsdg.verify import verifier_for

DRAWN = 3000
"""Questions of a simulation."""
QUICK, STRONG = model(name="quick"), model(name="strong", request={"reasoning_effort": "high"})


def config(**over: Any) -> AnswersConfig:
    escalate: dict[str, Any] = {"when": ("undecided",), "kinds": (), "samples": 8}
    escalate |= {"free_samples": 3, "as_strong": False}
    escalate |= {name: over.pop(name) for name in tuple(over) if name in escalate}
    usual: dict[str, Any] = {"samples": 8, "max_chance": 0.1, "variants": ("answer",)}
    second = EscalateConfig(**escalate, sampling=SAMPLING)
    return answers_config(**{**usual, **over, "escalate": second})


def strict() -> AnswersConfig:
    """As ``answers=cascade_as_strong``."""
    return config(as_strong=True).model_copy(update={"samples": 10, "free_samples": 5})


def solve(said: dict[str, list[str]], claim: str = "", **over: Any) -> tuple[Solving, list[str]]:
    """Solve the choice question; the answers of each model in the order in which it is asked."""
    left = {name: list(answers) for name, answers in said.items()}

    def answered(request: Request) -> Reply:
        texts = [left[request.model].pop(0) for _ in range(request.body.get("n", 1))]
        return reply(*(as_json(reasoning="so", answer=text) for text in texts))

    ask = ScriptedAsk(answered)
    step = AnswerStep(
        config=config(**over),
        models=AnswerModels(solver=QUICK, enricher=QUICK, expert=STRONG),
        prompts=prompt_set(),
        seed=7,
        verifier_for=lambda item: verifier_for(item.answer_kind),
        judge=None,
    )
    item = replace(question("choice"), claimed_answer=claim or "the roots")
    done = asyncio.run(step(item, ask))
    return done, [request.model for request in ask.requests]


def test_what_is_undecided_goes_on_and_the_record_says_who_voted_how() -> None:
    done, asked = solve(
        {"quick": ["the roots", "the bark", "the seeds", "the roots"], "strong": ["the roots"] * 4}
    )
    assert done.solution
    found = done.solution.verification
    assert [(one.solver, one.model, one.votes) for one in found.ballots] == [
        ("answers", "quick", asked.count("quick") - 2),
        ("escalate", "strong", 4),
    ]
    assert found.votes == found.samples == 4
    assert [row.solver for row in done.samples] == ["answers"] * asked.count("quick") + [
        "escalate"
    ] * 4
    assert [row.sample for row in done.samples] == list(range(len(done.samples)))
    assert done.solution.provenance.model == "strong"
    assert '"reasoning_effort":"high"' in done.solution.provenance.sampling
    # Guessing wins four votes of four over four options, or has won the first vote.
    assert found.chance == pytest.approx(4 * 0.25**4 + 0.0625)
    assert found.chance <= 0.1


def test_what_the_quick_solver_decides_costs_the_stronger_nothing() -> None:
    done, asked = solve({"quick": ["the roots"] * 5})
    assert done.solution
    assert set(asked) == {"quick"}
    (ballot,) = done.solution.verification.ballots
    assert (ballot.solver, ballot.votes) == ("answers", 4)


def test_an_answer_that_is_not_the_writers_goes_on_where_the_recipe_says_so() -> None:
    said = {"quick": ["the roots"] * 5, "strong": ["the bark"] * 4}
    kept, asked = solve(said, claim="the bark")
    assert "strong" not in asked
    assert kept.solution
    assert kept.solution.answer == "the roots"
    other, asked = solve(said, claim="the bark", when=("disagrees",))
    assert other.solution
    assert (other.solution.answer, other.solution.verification.claim_agrees) == ("the bark", True)
    assert [ballot.votes for ballot in other.solution.verification.ballots] == [0, 4]


def test_a_kind_can_go_to_the_stronger_solver_at_once() -> None:
    done, asked = solve({"strong": ["the roots"] * 5}, kinds=("choice",))
    assert set(asked) == {"strong"}
    assert done.solution
    (ballot,) = done.solution.verification.ballots
    assert ballot.solver == "escalate"
    assert done.solution.verification.chance == pytest.approx(4 * 0.25**3)  # 3 of 3


def test_what_both_leave_undecided_is_rejected() -> None:
    spread = ["the roots", "the bark", "the seeds", "the petals"] * 3
    done, asked = solve({"quick": spread, "strong": spread})
    assert done.solution is None
    assert done.rejection
    assert set(asked) == {"quick", "strong"}


@pytest.mark.parametrize("options", [2, 3, 4, 5, 10])
def test_guessing_wins_either_vote_with_no_more_than_is_allowed(options: int) -> None:
    made = config()
    assert made.second
    first = plan_of(made, options)
    second = second_plan(made, made.second, first, options)
    assert first
    assert second
    assert spent_chance(first) + spent_chance(second) <= made.max_chance
    alone = plan_of(made, options)
    assert alone == first, "the first vote is that of the quick solver alone"


def simulated(first: VotePlan, second: VotePlan, wishes: tuple[Wish, Wish], options: int) -> Odds:
    """The cascade over made-up questions, by the rules that close real votes."""
    rng = random.Random(3)
    accepted, wrong, cost = 0, 0, 0.0
    for _ in range(DRAWN):
        known = rng.random() < KNOWN
        guess = BETTER / options if options else UNBOUNDED_GUESS
        quick = 1 - SLIP if known else guess
        strong = 1 - SLIP if known or rng.random() < STRONGER else guess
        rule = wishes[0].rule(first.votes, first.needed)
        verdict, drawn = vote(rule, options, quick, rng)
        cost += PRICE * drawn
        if isinstance(verdict, Reject):
            rule = wishes[1].rule(second.votes, second.needed)
            verdict, drawn = vote(rule, options, strong, rng)
            cost += drawn
        accepted += isinstance(verdict, Accept)
        wrong += isinstance(verdict, Accept) and verdict.winner != "0"
    return Odds((accepted - wrong) / DRAWN, wrong / DRAWN, cost / DRAWN)


def vote(rule: VoteRule, options: int, right: float, rng: random.Random) -> tuple[Any, int]:
    """One vote that stops early: its verdict, and the samples drawn. Answer 0 is right."""
    said: list[str | None] = []
    while True:
        counted = tally(said, str.__eq__)
        verdict = decide(counted, rule, options)
        if not isinstance(verdict, Open):
            return verdict, len(said)
        for _ in range(next_round(counted, rule, options)):
            said.append("0" if rng.random() < right else _wrong(options, rng))


def _wrong(options: int, rng: random.Random) -> str:
    if options:
        return str(rng.randrange(1, options))
    return "1" if rng.random() < ALIKE else str(rng.random())


@pytest.mark.parametrize("as_strong", [False, True])
@pytest.mark.parametrize("options", [2, 3, 4, 5, 10, 0])
def test_what_is_reckoned_of_both_votes_is_what_a_simulation_gives(
    options: int, as_strong: bool
) -> None:
    made = strict() if as_strong else config()
    assert made.second
    first = plan_of(made, options)
    assert first
    second = second_plan(made, made.second, first, options)
    assert second
    wishes = (wish_of(made), second_wish(made, made.second, first))
    exact = pair_odds(options, Vote(first.votes, first.needed), Vote(second.votes, second.needed))
    found = simulated(first, second, wishes, options)
    assert found.accepted == pytest.approx(exact.accepted, abs=0.02)
    assert found.wrong == pytest.approx(exact.wrong, abs=0.006)
    # A round is asked for whole, so that a few more are drawn than one by one.
    assert exact.cost * 0.93 <= found.cost <= exact.cost * 1.15


@pytest.mark.parametrize("options", [2, 3, 4, 5, 6, 10, 26, 0])
def test_at_equal_error_it_costs_a_third_of_the_stronger_alone(options: int) -> None:
    made = strict()
    assert made.second
    plain = plan_of(made.model_copy(update={"escalate": None}), options)
    first = plan_of(made, options)
    assert plain
    assert first
    second = second_plan(made, made.second, first, options)
    assert second
    assert spent_chance(first) + spent_chance(second) <= made.max_chance
    both, strong, quick = (
        pair_odds(options, Vote(first.votes, first.needed), Vote(second.votes, second.needed)),
        alone_odds(options, Vote(plain.votes, plain.needed)),
        alone_odds(options, Vote(plain.votes, plain.needed), strong=False),
    )
    assert both.error <= strong.error < quick.error
    assert both.cost <= strong.cost / 3
    assert both.accepted >= KEPT * strong.accepted
    assert strong.accepted > 1.1 * quick.accepted


def test_where_no_pair_will_do_the_votes_are_those_without_the_wish() -> None:
    few, usual = (
        config(as_strong=wished).model_copy(update={"samples": 5, "free_samples": 5})
        for wished in (True, False)
    )
    assert plan_of(strict(), 2) != plan_of(usual, 2)
    assert plan_of(few, 0) == plan_of(usual, 0)
    assert usual.second
    assert few.second
    assert second_plan(few, few.second, plan_of(few, 0), 0) == second_plan(
        usual, usual.second, plan_of(usual, 0), 0
    )
