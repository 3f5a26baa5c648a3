"""The two votes of a cascade that is wrong no more often than its stronger solver alone.

A quick solver's first vote decides most questions, so that its errors are those of the whole. Votes
that are long enough cost little where its samples are cheap. Of all pairs of votes that meet the
recipe's wishes, the one is taken that costs least, among those that

* are wrong, of what they accept, in no larger share than the stronger solver's own vote, and
* accept at least :data:`KEPT` of what that accepts.

What is reckoned with, for want of anything known before a run: the quick solver knows
:data:`KNOWN` of the questions, and the stronger one :data:`STRONGER` of the rest too. Who knows an
answer slips in :data:`SLIP` of the samples; who does not guesses a little better than chance. Over
four options six of seven quick samples must agree, then all of four::

    >>> alone = Vote(votes=5, needed=4)
    >>> wish = PairWish(samples=(10, 8), max_chance=0.1, min_share=0.6, min_margin=1)
    >>> best_pair(4, wish, alone)
    (Vote(votes=7, needed=6), Vote(votes=4, needed=4))

Everything is exact: no sample is drawn.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

from tsdg.generate.voting import chance

KNOWN = 0.8
"""Share of the questions whose answer the quick solver knows."""
STRONGER = 0.9
"""Share of the others whose answer the stronger one knows."""
SLIP = 0.05
"""Share of wrong samples of who knows the answer."""
BETTER = 1.5
"""How much likelier than chance the right answer is to who does not know it."""
UNBOUNDED_GUESS = 0.2
"""The same share of right samples where the number of answers has no bound."""
ALIKE = 0.25
"""Share of the wrong samples that say the same, where the number of answers has no bound."""
PRICE = 0.05
"""Cost of a quick sample, where a sample of the stronger solver costs 1: docs/verification.md."""
KEPT = 0.97
"""Share of what the stronger solver's vote accepts that a pair accepts at least."""


@dataclass(frozen=True, slots=True, order=True)
class Vote:
    """A vote, and how many of it must agree."""

    votes: int
    needed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PairWish:
    """What a recipe asks of the two votes; see :class:`~tsdg.config.answers.AnswersConfig`."""

    samples: tuple[int, int]
    """Samples of the first and of the second vote at most."""
    max_chance: float
    """How often guessing may win either vote; not asked where the answers are not bounded."""
    min_share: float
    min_margin: int


@dataclass(frozen=True, slots=True)
class Odds:
    """What comes of a vote, or of a way of solving, in the mean of all questions."""

    right: float
    """Share of the questions for which the right answer is accepted."""
    wrong: float
    """Share for which a wrong one is."""
    cost: float
    """Samples drawn, each at its solver's price."""

    @property
    def accepted(self) -> float:
        """Share of the questions that get an answer."""
        return self.right + self.wrong

    @property
    def error(self) -> float:
        """Share of the accepted answers that are wrong."""
        return self.wrong / self.accepted if self.accepted else 0.0


@cache
def best_pair(options: int, wish: PairWish, alone: Vote) -> tuple[Vote, Vote] | None:
    """Choose the votes of the quick and of the stronger solver; None where no pair will do.

    Args:
        options: possible answers, 0 where they are not bounded.
        wish: what the recipe asks of both.
        alone: the vote of the stronger solver without the quick one, which the pair is held to.
    """
    held_to = alone_odds(options, alone)
    best: tuple[float, Vote, Vote] | None = None
    for first in _votes(options, wish, wish.samples[0]):
        left = wish.max_chance - _by_guessing(options, first)
        for second in _votes(options, wish, wish.samples[1]):
            if options and _by_guessing(options, second) > left:
                continue
            both = pair_odds(options, first, second)
            cheaper = best is None or both.cost < best[0]
            as_good = both.error <= held_to.error and both.accepted >= KEPT * held_to.accepted
            if cheaper and as_good:
                best = (both.cost, first, second)
    return best and best[1:]


def pair_odds(options: int, first: Vote, second: Vote, price: float = PRICE) -> Odds:
    """What comes of a quick vote, and of a stronger one on what it leaves undecided."""
    right = wrong = cost = 0.0
    for share, quick, strong in _questions(options):
        early, late = vote_odds(options, first, quick), vote_odds(options, second, strong)
        rest = 1 - early.accepted
        right += share * (early.right + rest * late.right)
        wrong += share * (early.wrong + rest * late.wrong)
        cost += share * (price * early.cost + rest * late.cost)
    return Odds(right, wrong, cost)


def alone_odds(options: int, vote: Vote, *, strong: bool = True) -> Odds:
    """What comes of the vote of one solver, whose samples cost 1."""
    parts = [
        (share, vote_odds(options, vote, knows if strong else quick))
        for share, quick, knows in _questions(options)
    ]
    return Odds(
        right=sum(share * odds.right for share, odds in parts),
        wrong=sum(share * odds.wrong for share, odds in parts),
        cost=sum(share * odds.cost for share, odds in parts),
    )


@cache
def vote_odds(options: int, vote: Vote, right: float) -> Odds:
    """What comes of one vote that stops as soon as it is decided.

    Wrong samples fall evenly on the other options; where the answers are not bounded,
    :data:`ALIKE` of them say the same and the others each something else.

    Args:
        options: possible answers, 0 where they are not bounded.
        vote: of which more than half must agree.
        right: probability that a sample is right.
    """
    wrong = (1 - right) / (options - 1) if options else (1 - right) * ALIKE
    others = options - 1 if options else 1
    stray = 0.0 if options else (1 - right) * (1 - ALIKE)

    @cache
    def from_here(rights: int, wrongs: tuple[int, ...], drawn: int) -> Odds:
        # ``wrongs``: votes of the wrong answers that have any, most first.
        most = max(rights, *wrongs[:1], 0)
        if most >= vote.needed:
            return Odds(float(rights == most), float(rights != most), 0.0)
        if most + vote.votes - drawn < vote.needed:
            return Odds(0.0, 0.0, 0.0)
        steps = [(right, from_here(rights + 1, wrongs, drawn + 1))]
        for place, count in enumerate(wrongs):
            grown = sorted([*wrongs[:place], count + 1, *wrongs[place + 1 :]], reverse=True)
            steps.append((wrong, from_here(rights, tuple(grown), drawn + 1)))
        if unseen := others - len(wrongs):
            steps.append((unseen * wrong, from_here(rights, (*wrongs, 1), drawn + 1)))
        if stray:
            steps.append((stray, from_here(rights, wrongs, drawn + 1)))
        return Odds(
            right=sum(likely * odds.right for likely, odds in steps),
            wrong=sum(likely * odds.wrong for likely, odds in steps),
            cost=1 + sum(likely * odds.cost for likely, odds in steps),
        )

    return from_here(0, (), 0)


def _questions(options: int) -> Iterator[tuple[float, float, float]]:
    """Kinds of questions: their share, and how often each solver's samples are right."""
    knows = 1 - SLIP
    guesses = min(BETTER / options, knows) if options else UNBOUNDED_GUESS
    yield KNOWN, knows, knows
    yield (1 - KNOWN) * STRONGER, guesses, knows
    yield (1 - KNOWN) * (1 - STRONGER), guesses, guesses


def _votes(options: int, wish: PairWish, most: int) -> Iterator[Vote]:
    """Votes of so many samples at most that a wish allows, by themselves."""
    for votes in range(1, most + 1):
        share = math.ceil(Fraction(repr(wish.min_share)) * votes)
        for needed in range(max(share, 1), votes + 1):
            vote = Vote(votes, needed)
            leads = 2 * needed - votes >= max(wish.min_margin, 1)
            if leads and not (options and _by_guessing(options, vote) > wish.max_chance):
                yield vote


def _by_guessing(options: int, vote: Vote) -> float:
    return chance(options=options, samples=vote.votes, votes=vote.needed) if options else 0.0
