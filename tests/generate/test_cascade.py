"""Two solvers: what the quick one leaves undecided goes on to a stronger one."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, replace
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
from tsdg.generate.voteplan import plan_of, second_plan, second_wish, spent_chance, wish_of
from tsdg.generate.voting import Accept, Open, Reject, VoteRule, decide, next_round, tally
from tsdg.protocols import Reply, Request
from tsdg.verify import verifier_for

QUICK, STRONG = model(name="quick"), model(name="strong", request={"reasoning_effort": "high"})


def config(**over: Any) -> AnswersConfig:
    escalate = {"when": ("undecided",), "kinds": (), "samples": 8, "free_samples": 3}
    escalate |= {name: over.pop(name) for name in tuple(over) if name in escalate}
    usual: dict[str, Any] = {"samples": 8, "max_chance": 0.1, "variants": ("answer",)}
    second = EscalateConfig(**escalate, sampling=SAMPLING)
    return answers_config(**{**usual, **over, "escalate": second})


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


@dataclass
class Outcome:
    """What a way of solving came to, over all questions."""

    accepted: int = 0
    wrong: int = 0
    cost: float = 0.0


def vote(rule: VoteRule, options: int, right: float, rng: random.Random) -> tuple[Any, int]:
    """One vote with early stopping: its verdict, and the samples drawn. Answer 0 is right."""
    said: list[str | None] = []
    while True:
        counted = tally(said, str.__eq__)
        verdict = decide(counted, rule, options)
        if not isinstance(verdict, Open):
            return verdict, len(said)
        for _ in range(next_round(counted, rule, options)):
            wrong = rng.randrange(1, options)
            said.append("0" if rng.random() < right else str(wrong))


def run(questions: int, options: int, price: float) -> tuple[Outcome, Outcome, Outcome]:
    """Quick alone, strong alone, and the cascade, over the same questions.

    A quick sample costs ``price`` of a strong one. The quick solver knows the answer to four
    questions of five (and then slips in 5 %), and else guesses a little better than chance; the
    strong one knows it to nine of ten of these too.
    """
    rng = random.Random(3)
    made = config()
    assert made.second
    plan = plan_of(made, options)
    assert plan
    rule = wish_of(made).rule(plan.votes)
    wish = second_wish(made, made.second, plan)
    later = second_plan(made, made.second, plan, options)
    assert later
    quick, strong, both = Outcome(), Outcome(), Outcome()
    for _ in range(questions):
        easy = rng.random() < 0.8
        weak = 0.95 if easy else 1.5 / options
        good = 0.95 if easy or rng.random() < 0.9 else 1.5 / options
        first, drawn = vote(rule, options, weak, rng)
        alone, costly = vote(rule, options, good, rng)
        quick.cost += price * drawn
        both.cost += price * drawn
        strong.cost += costly
        last = first
        if isinstance(first, Reject):
            last, more = vote(wish.rule(later.votes), options, good, rng)
            both.cost += more
        for outcome, verdict in ((quick, first), (strong, alone), (both, last)):
            if isinstance(verdict, Accept):
                outcome.accepted += 1
                outcome.wrong += verdict.winner != "0"
    return quick, strong, both


@pytest.mark.parametrize("options", [4, 5, 10])
def test_at_equal_error_it_costs_a_third_of_the_stronger_alone(options: int) -> None:
    questions = 4000
    quick, strong, both = run(questions, options, price=0.1)
    assert both.cost <= strong.cost / 3
    assert both.accepted >= 0.9 * strong.accepted
    assert both.accepted > 1.1 * quick.accepted
    errors = [outcome.wrong / outcome.accepted for outcome in (quick, strong, both)]
    assert errors[2] <= errors[1] + 0.01, errors
