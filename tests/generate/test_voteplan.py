"""Votes by the number of options: against simulation by enumeration, and without cliffs."""

import itertools
import math
from collections import Counter

import pytest

from generate.rows import answers_config
from tsdg.generate.voteplan import SOLVER, Wish, expected_yield, plan_of
from tsdg.generate.voting import chance


def wish(samples: int = 8, **over: float) -> Wish:
    values = {"min_yield": 0.7, "max_chance": 0.1, "min_share": 0.6, "min_margin": 1, **over}
    return Wish(samples=samples, **values)


@pytest.mark.parametrize("options", [2, 3, 4])
@pytest.mark.parametrize(
    ("votes", "needed", "margin"), [(1, 1, 1), (5, 2, 1), (5, 3, 2), (6, 4, 1)]
)
def test_the_yield_is_what_counting_all_votes_gives(
    options: int, votes: int, needed: int, margin: int
) -> None:
    right, total = 0.8, 0.0
    for cast in itertools.product(range(options), repeat=votes):
        counts = Counter(cast)
        ahead = all(counts[0] - counts[other] >= margin for other in range(1, options))
        if counts[0] >= needed and ahead:
            wrong = votes - counts[0]
            total += right ** counts[0] * ((1 - right) / (options - 1)) ** wrong
    got = expected_yield(options=options, votes=votes, needed=needed, margin=margin, right=right)
    assert got == pytest.approx(total)


def test_more_samples_never_mean_fewer_records() -> None:
    for options in range(2, 12):
        for over in ({}, {"min_yield": 0.95}, {"min_share": 0.8}, {"max_chance": 0.01}):
            plans = [wish(samples, **over).planned(options) for samples in range(1, 20)]
            passed = [plan.passed or 0.0 if plan else 0.0 for plan in plans]
            assert passed == sorted(passed)
            # Nor are samples drawn that no wish asks for.
            for plan in filter(None, plans):
                low = chance(options=options, samples=plan.votes, votes=plan.needed)
                assert low <= over.get("max_chance", 0.1)
                assert plan.needed >= math.ceil(over.get("min_share", 0.6) * plan.votes)


def test_the_votes_of_the_default_recipe() -> None:
    found = [(plan.needed, plan.votes) for n in (2, 3, 4, 5, 10) if (plan := wish().planned(n))]
    assert found == [(7, 8), (6, 8), (4, 5), (4, 5), (3, 4)]
    assert wish().planned(2).passed == pytest.approx(SOLVER**8 + 8 * SOLVER**7 * (1 - SOLVER))


def test_a_vote_that_guessing_wins_is_none_and_the_samples_that_would_do_are_known() -> None:
    for samples in (1, 2, 3, 4):
        assert wish(samples).planned(2) is None
    assert wish(5).planned(2) is not None
    assert wish(3).would_do(2) == 5
    assert wish(3, max_chance=0.0).would_do(2) == 0


def test_a_claim_that_votes_saves_a_sample() -> None:
    alone, helped = (answers_config(samples=4, max_chance=0.1, claim=c) for c in ("record", "vote"))
    assert plan_of(alone, 2) is None
    assert plan_of(helped, 2, claimed=False) is None  # nothing was claimed
    plan = plan_of(helped, 2)
    assert plan is not None
    assert (plan.needed, plan.votes) == (5, 5)


def test_unbounded_answers_and_a_chance_of_one_are_left_to_the_share() -> None:
    config = answers_config(samples=12, free_samples=7)
    free, careless = plan_of(config, 0), plan_of(answers_config(max_chance=1.0), 4)
    assert free is not None
    assert (free.needed, free.votes, free.passed) == (5, 7, None)
    assert careless is not None
    assert (careless.needed, careless.votes) == (3, 5)
    assert plan_of(answers_config(samples=1, first_round=1), 0) is not None
