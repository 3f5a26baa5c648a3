r"""The vote on the sampled answers of one question: pure functions, no model, no verifier.

An answer wins with enough of all ``k`` samples, by enough votes, and with more than guessing would
give. Over four options, five guesses agree three times or more in 41 % of cases; over two options
always::

    >>> round(chance(options=4, samples=5, votes=3), 2), chance(options=2, samples=5, votes=3)
    (0.41, 1.0)
    >>> rule = VoteRule(samples=5, min_share=0.6, min_margin=1, max_chance=0.1)
    >>> decide(tally(["roots", "bark", "roots", "roots"], str.__eq__), rule, options=4)
    Open()
    >>> decide(tally(["roots", "roots", "roots", "roots"], str.__eq__), rule, options=4)
    Accept(winner='roots', votes=4, chance=0.0625)

**Stopping early.** A vote on the first ``n < k`` samples is closed as soon as the missing ones
cannot change it. For every vote, and every prefix of it on which :func:`decide` does not say
:class:`Open`, the full ``k`` samples give the same decision (accept or reject) and the same winner.
What may differ is descriptive: ``votes`` are those of the samples drawn, and the *reason* of an
early rejection is the one that is certain by then (the full vote may end as a tie where the early
one is ``no_majority``). ``chance`` is always that of reaching ``votes`` among all ``k`` samples,
which is what the rule compares and never flatters a vote that stopped early.

Abstentions count as samples: they lower the share of every answer.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

from tsdg.records import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class VoteRule:
    """When an answer wins.

    Raises:
        ValueError: a value is out of range (recipes are checked before; this guards direct use).
    """

    samples: int
    """k: samples of a full vote, at least 1."""
    min_share: float
    """Share of all k samples that the winner needs, 0 to 1."""
    min_margin: int
    """Votes that the winner needs more than the next answer, 1 to k."""
    max_chance: float
    """Largest :func:`chance` at which a vote is still evidence, 0 to 1."""
    least: int = 0
    """Votes that the winner needs at least, whatever else the rule says."""

    def __post_init__(self) -> None:
        shares = 0 <= self.min_share <= 1 and 0 <= self.max_chance <= 1
        if not shares or not 1 <= self.min_margin <= self.samples:
            raise ValueError(
                "a vote rule needs a margin of 1 to samples and shares between 0 and 1; found "
                f"{self}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """Samples that gave the same answer."""

    representative: str
    """The answer as the first of them gave it."""
    count: int
    members: tuple[int, ...]
    """Their positions among the samples, ascending."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """The samples drawn so far, counted."""

    clusters: tuple[Cluster, ...]
    """Largest first; of equal ones, the one seen first."""
    abstained: int

    @property
    def drawn(self) -> int:
        """Samples drawn, abstentions included."""
        return self.abstained + sum(cluster.count for cluster in self.clusters)


@dataclass(frozen=True, slots=True, kw_only=True)
class Accept:
    """The vote is closed and has a winner."""

    winner: str
    votes: int
    """Samples that gave the winner."""
    chance: float
    """Probability that guessing gives some answer at least ``votes`` of all k samples; 1 where
    options = 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reject:
    """The vote is closed and nobody can win."""

    reason: Reason
    detail: str
    """One line of figures for a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """The missing samples can change the decision or the winner."""


Verdict = Accept | Reject | Open


def tally(answers: Sequence[str | None], same: Callable[[str, str], bool]) -> Tally:
    """Count answers; None is an abstention.

    Each answer joins the first cluster (in the order in which clusters came up) whose
    representative is the ``same``. So the clusters of a prefix never change when further answers
    come, even where ``same`` is not transitive.
    """
    groups: list[tuple[str, list[int]]] = []
    abstained = 0
    for position, answer in enumerate(answers):
        if answer is None:
            abstained += 1
            continue
        for representative, members in groups:
            if representative == answer or same(representative, answer):
                members.append(position)
                break
        else:
            groups.append((answer, [position]))
    groups.sort(
        key=lambda group: -len(group[1])
    )  # stable: equal counts stay in order of appearance
    clusters = tuple(Cluster(representative=r, count=len(m), members=tuple(m)) for r, m in groups)
    return Tally(clusters=clusters, abstained=abstained)


@cache
def chance(*, options: int, samples: int, votes: int) -> float:
    """Probability that uniform guessing gives some answer ``votes`` votes or more.

    ``samples`` guesses are drawn from ``options`` answers. Exact (multinomial, in integers). 1.0
    for ``options`` = 0: the number of possible answers is not bounded, and nothing can be said.

    Exact (multinomial, in integers). 1.0 for ``options`` = 0: the number of possible answers is not
    bounded, and nothing can be said.
    """
    if options == 0 or votes <= 0:
        return 1.0
    if votes > samples:
        return 0.0
    # ways[n]: sequences of n guesses in which each of the options so far has fewer than `votes`.
    one = [1 if n < votes else 0 for n in range(samples + 1)]
    ways, power, left = [1] + [0] * samples, one, options
    while left:
        if left & 1:
            ways = _shuffle(ways, power)
        power, left = _shuffle(power, power), left >> 1
    return float(1 - Fraction(ways[samples], options**samples))


def _shuffle(left: list[int], right: list[int]) -> list[int]:
    """Count interleavings of two families of sequences by total length (binomial convolution)."""
    return [
        sum(math.comb(n, i) * left[i] * right[n - i] for i in range(n + 1))
        for n in range(len(left))
    ]


@cache
def votes_needed(rule: VoteRule, options: int) -> int:
    """Fewest votes that satisfy the rule; ``rule.samples + 1`` if no number does."""
    for votes in range(_fewest(rule), rule.samples + 1):
        if (
            options == 0
            or chance(options=options, samples=rule.samples, votes=votes) <= rule.max_chance
        ):
            return votes
    return rule.samples + 1


def _fewest(rule: VoteRule) -> int:
    """Votes that a winner needs, chance aside."""
    return max(1, rule.least, math.ceil(Fraction(repr(rule.min_share)) * rule.samples))


def decide(counted: Tally, rule: VoteRule, options: int) -> Verdict:
    """Say whether the vote is closed, and how.

    Args:
        counted: the samples drawn so far, at most ``rule.samples``.
        rule: when an answer wins.
        options: number of possible answers, from which guessing is reckoned; 0 where it is not
            bounded.

    Raises:
        ValueError: more samples than the rule has, or a negative number of options.
    """
    missing = rule.samples - counted.drawn
    if missing < 0 or options < 0:
        raise ValueError(
            f"a vote of {rule.samples} samples got {counted.drawn}; options: {options}, allowed: "
            ">= 0"
        )
    needed = votes_needed(rule, options)
    lead, second = _lead(counted)
    if lead >= needed and lead - second - missing >= rule.min_margin:
        winner = counted.clusters[0].representative
        by_chance = chance(options=options, samples=rule.samples, votes=lead)
        return Accept(winner=winner, votes=lead, chance=by_chance)
    if missing and lead + missing >= needed and lead + missing - second >= rule.min_margin:
        return Open()
    return _reject(counted, rule, options)


def next_round(counted: Tally, rule: VoteRule, options: int) -> int:
    """Return the fewest further samples that could close the vote; 0 if it is closed."""
    if not isinstance(decide(counted, rule, options), Open):
        return 0
    needed = votes_needed(rule, options)
    lead, second = _lead(counted)
    missing = rule.samples - counted.drawn
    # All further samples for the leader: it has enough, and the rest cannot come too near.
    to_accept = max(needed - lead, math.ceil((rule.min_margin + second + missing - lead) / 2))
    # None of them for the leader: the rest cannot bring it to what it needs.
    to_reject = lead + missing - needed + 1
    # As many as it takes for the next one, the others for none: the rest cannot bring either far
    # enough from the other.
    apart = (max(lead - second - further, 0) + missing - further for further in range(missing + 1))
    to_part = next(
        (further for further, votes in enumerate(apart) if votes < rule.min_margin), missing
    )
    return min(to_accept, to_reject, to_part, missing)


def _lead(counted: Tally) -> tuple[int, int]:
    counts = [cluster.count for cluster in counted.clusters[:2]] + [0, 0]
    return counts[0], counts[1]


def _reject(counted: Tally, rule: VoteRule, options: int) -> Reject:
    lead, second = _lead(counted)
    drawn, samples = counted.drawn, rule.samples
    votes = f"{lead} of {drawn} samples agree, {counted.abstained} abstained"
    of = "" if drawn == samples else f" ({drawn} of {samples} drawn)"
    share = _fewest(rule)
    needed = votes_needed(rule, options)
    if needed > samples:
        least = chance(options=options, samples=samples, votes=samples)
        detail = (
            f"guessing among {options} options reaches even {samples} of {samples} with {least:.3g}"
        )
        detail = f"{detail}, allowed {rule.max_chance:g}"
        return Reject(reason="chance", detail=detail)
    if samples - counted.abstained < share:
        detail = f"{counted.abstained} of {drawn} samples abstained{of}; {share} votes are needed"
        return Reject(reason="no_answer", detail=detail)
    if drawn == samples and lead == second:
        return Reject(reason="tie", detail=f"two answers have {lead} of {drawn} samples each")
    if lead + samples - drawn < share:
        return Reject(reason="no_majority", detail=f"{votes}{of}; {share} of {samples} are needed")
    if lead + samples - drawn - second < rule.min_margin:
        return Reject(
            reason="no_majority",
            detail=f"{votes}{of}, {second} on the next answer; {rule.min_margin} more are needed",
        )
    guess = chance(options=options, samples=samples, votes=lead + samples - drawn)
    detail = (
        f"{votes}{of}; guessing among {options} options reaches that with {guess:.3g}, "
        f"allowed {rule.max_chance:g}"
    )
    return Reject(reason="chance", detail=detail)
