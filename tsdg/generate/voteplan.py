"""How many samples a vote draws and how many of them must agree, by the number of options.

Two keys decide. ``answers.max_chance`` is how often guessing may win a vote at most.
``answers.min_yield`` is the share of questions that must pass if the solver is right in 80 % of
them. Of all votes of up to ``answers.samples`` the smallest that meets both is taken. If none meets
the second, the one that lets most questions pass is taken. So allowing more samples never means
fewer records::

    >>> wish = Wish(samples=8, min_yield=0.7, max_chance=0.1, min_share=0.6, min_margin=1)
    >>> [(p.options, p.needed, p.votes) for p in map(wish.planned, (2, 3, 4, 5, 10))]
    [(2, 7, 8), (3, 6, 8), (4, 4, 5), (5, 4, 5), (10, 3, 4)]

Where the number of answers has no bound, guessing cannot be judged, and with
``answers.max_chance=1`` it does not matter. Then ``answers.free_samples`` are drawn, and the share
alone decides.

With ``answers.escalate.as_strong`` the two votes of a cascade are chosen together instead
(:mod:`~tsdg.generate.vote_pair`); where no pair will do, they are chosen as said above.

A claim that votes (``answers.claim=vote``) is one more vote of the same kind, so that a vote of K
draws K - 1 samples.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

from tsdg.config.answers import AnswersConfig, EscalateConfig
from tsdg.generate.vote_pair import PairWish, Vote, best_pair
from tsdg.generate.voting import VoteRule, chance, votes_needed

SOLVER = 0.8
"""Share of the questions that the solver whom ``min_yield`` is reckoned for answers rightly."""
STRONG = 0.95
"""The same of the stronger solver, to which undecided questions go on."""
_MOST = 200
"""Samples up to which a number that would do is looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VotePlan:
    """The vote over questions with one number of options."""

    options: int
    """0 where the answers are not bounded."""
    votes: int
    """K: votes of a full vote, the claim's among them where it has one."""
    needed: int
    """Equal votes that win."""
    passed: float | None
    """Share of the questions that a solver of :data:`SOLVER` gets through, in a second vote one of
    :data:`STRONG`; None for 0 options."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the recipe asks of its votes; see :class:`~tsdg.config.recipe.AnswersConfig`."""

    samples: int
    """Votes at most, the claim's among them."""
    min_yield: float
    max_chance: float
    min_share: float
    min_margin: int
    right: float = SOLVER
    """Share of the questions that the solver is taken to answer rightly."""

    def rule(self, votes: int, least: int = 0) -> VoteRule:
        """The rule of a vote of so many, of which ``least`` must agree whatever else is asked."""
        return VoteRule(
            samples=votes,
            min_share=self.min_share,
            min_margin=self.min_margin,
            max_chance=self.max_chance,
            least=least,
        )

    def planned(self, options: int) -> VotePlan | None:
        """Choose the vote over so many options; None where no vote is beyond guessing."""
        return _planned(self, options)

    def would_do(self, options: int) -> int:
        """Smallest number of votes that can be won over so many options; 0 for none."""
        for votes in range(self.min_margin, _MOST + 1):
            if options ** (1 - votes) <= self.max_chance:  # all alike, whichever it is
                return votes
        return 0


@cache
def _planned(wish: Wish, options: int) -> VotePlan | None:
    best: VotePlan | None = None
    for votes in range(wish.min_margin, wish.samples + 1):
        needed = votes_needed(wish.rule(votes), options)
        if needed > votes:
            continue
        passed = expected_yield(
            options=options, votes=votes, needed=needed, margin=wish.min_margin, right=wish.right
        )
        if best is None or passed > (best.passed or 0.0):
            best = VotePlan(options=options, votes=votes, needed=needed, passed=passed)
        if passed >= wish.min_yield:
            break
    return best


def expected_yield(*, options: int, votes: int, needed: int, margin: int, right: float) -> float:
    """Probability that the right answer wins a vote, whose other votes fall evenly on the others.

    Exact: the right one needs ``needed`` votes, and every other at least ``margin`` fewer.

    Args:
        options: possible answers, at least 1.
        votes: of the full vote.
        needed: fewest that win.
        margin: votes that the winner needs more than the next.
        right: probability that one vote is for the right answer.
    """
    total = 0.0
    for won in range(needed, votes + 1):
        lost = votes - won
        if options == 1 and lost:
            continue
        crowded = chance(options=options - 1, samples=lost, votes=max(won - margin + 1, 1))
        leads = 1.0 if not lost else 1.0 - crowded
        total += math.comb(votes, won) * right**won * (1 - right) ** lost * leads
    return total


def wish_of(config: AnswersConfig, *, claimed: bool = True) -> Wish:
    """The wishes of a recipe.

    Args:
        config: of the answers.
        claimed: whether the question has a claim that could vote.
    """
    return Wish(
        samples=config.samples + (claimed and config.claim == "vote"),
        min_yield=config.min_yield,
        max_chance=config.max_chance,
        min_share=config.min_share,
        min_margin=config.min_margin,
    )


def plan_of(config: AnswersConfig, options: int, *, claimed: bool = True) -> VotePlan | None:
    """Choose the vote over a number of options, 0 where the answers are not bounded.

    None where no vote of the recipe is beyond guessing.
    """
    if config.second and config.second.as_strong and (pair := _pair(config, options)):
        return pair[0]
    return _alone(config, options, claimed=claimed)


def _alone(config: AnswersConfig, options: int, *, claimed: bool) -> VotePlan | None:
    """Choose the vote of a solver for itself."""
    wish = wish_of(config, claimed=claimed)
    if options and config.max_chance < 1:
        return wish.planned(options)
    votes = min(config.free_samples, config.samples) + (claimed and config.claim == "vote")
    return VotePlan(
        options=options, votes=votes, needed=votes_needed(wish.rule(votes), 0), passed=None
    )


def spent_chance(plan: VotePlan | None) -> float:
    """How often guessing wins a vote; 0 for no vote, and where guessing cannot be reckoned."""
    if plan is None or not plan.options:
        return 0.0
    return chance(options=plan.options, samples=plan.votes, votes=plan.needed)


def second_wish(config: AnswersConfig, second: EscalateConfig, first: VotePlan | None) -> Wish:
    """The wishes of the second vote.

    Guessing may win it as often as the first vote leaves of ``max_chance``: then it wins either of
    them with at most that probability.

    Args:
        config: of the answers.
        second: of the second vote.
        first: the vote before it; None for a question that goes to the second at once.
    """
    left = max(0.0, config.max_chance - spent_chance(first))
    return Wish(
        samples=second.samples,
        min_yield=config.min_yield,
        max_chance=left if config.max_chance < 1 else 1.0,
        min_share=config.min_share,
        min_margin=config.min_margin,
        right=STRONG,
    )


def second_plan(
    config: AnswersConfig, second: EscalateConfig, first: VotePlan | None, options: int
) -> VotePlan | None:
    """Choose the second vote; None where none is beyond guessing. See :func:`second_wish`."""
    if second.as_strong and first is not None and (pair := _pair(config, options)):
        return pair[1]
    wish = second_wish(config, second, first)
    if options and config.max_chance < 1:
        return wish.planned(options)
    votes = min(second.free_samples, second.samples)
    return VotePlan(
        options=options, votes=votes, needed=votes_needed(wish.rule(votes), 0), passed=None
    )


def _pair(config: AnswersConfig, options: int) -> tuple[VotePlan, VotePlan] | None:
    """Both votes of a cascade that is to be as good as its stronger solver; None if none are."""
    second = config.second
    alone = _alone(config, options, claimed=False)
    if second is None or alone is None:
        return None
    bounded = options if config.max_chance < 1 else 0
    later_most = second.samples if bounded else min(second.samples, second.free_samples)
    wish = PairWish(
        samples=(config.samples, later_most),
        max_chance=config.max_chance,
        min_share=config.min_share,
        min_margin=config.min_margin,
    )
    pair = best_pair(bounded, wish, Vote(alone.votes, alone.needed))
    if pair is None:
        return None
    first, later = (
        VotePlan(
            options=options,
            votes=vote.votes,
            needed=vote.needed,
            passed=_passed(config, bounded, vote, right) if bounded else None,
        )
        for vote, right in zip(pair, (SOLVER, STRONG), strict=True)
    )
    return first, later


def _passed(config: AnswersConfig, options: int, vote: Vote, right: float) -> float:
    return expected_yield(
        options=options,
        votes=vote.votes,
        needed=vote.needed,
        margin=config.min_margin,
        right=right,
    )
