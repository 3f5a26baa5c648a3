"""The vote: against brute force, and early stopping against the full vote."""

import itertools
from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tsdg.generate.voting import (
    Accept,
    Open,
    Reject,
    VoteRule,
    chance,
    decide,
    next_round,
    tally,
    votes_needed,
)


def equal(left: str, right: str) -> bool:
    return left == right


def rule(
    samples: int = 5, min_share: float = 0.6, min_margin: int = 1, max_chance: float = 1.0
) -> VoteRule:
    return VoteRule(
        samples=samples, min_share=min_share, min_margin=min_margin, max_chance=max_chance
    )


def vote(text: str, voted: VoteRule, options: int = 4):
    """One letter per sample; ``-`` abstains."""
    return decide(tally([None if c == "-" else c for c in text], equal), voted, options)


@pytest.mark.parametrize("options", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("samples", [1, 2, 3, 4, 5, 6])
def test_chance_is_what_counting_all_guesses_gives(options: int, samples: int) -> None:
    largest = Counter(
        max(Counter(g).values()) for g in itertools.product(range(options), repeat=samples)
    )
    for votes in range(1, samples + 1):
        exact = Fraction(sum(n for most, n in largest.items() if most >= votes), options**samples)
        assert chance(options=options, samples=samples, votes=votes) == float(exact)


def test_chance_of_known_votes() -> None:
    by_votes = [round(chance(options=4, samples=5, votes=votes), 4) for votes in (3, 4, 5)]
    assert by_votes == [0.4141, 0.0625, 0.0039]
    assert chance(options=2, samples=5, votes=3) == 1.0
    assert chance(options=0, samples=5, votes=5) == 1.0
    assert chance(options=4, samples=5, votes=6) == 0.0
    assert 0 < chance(options=26, samples=64, votes=32) < 1e-20


@pytest.mark.parametrize(
    ("votes", "voted", "options", "winner", "count"),
    [
        ("AAAAA", rule(), 4, "A", 5),
        ("ABAAC", rule(), 4, "A", 3),
        ("BAAAA", rule(max_chance=0.1), 4, "A", 4),
        ("AAAA", rule(max_chance=0.1), 4, "A", 4),  # closed before the fifth
        ("AAA", rule(), 4, "A", 3),
        ("A-A-A", rule(), 4, "A", 3),
        ("AAABB", rule(max_chance=0.0), 0, "A", 3),  # unbounded: chance does not apply
        ("AABC-", rule(min_share=0.4), 4, "A", 2),
        ("A", rule(samples=1, min_share=0.0), 4, "A", 1),
        ("AAAB-", rule(min_margin=2), 4, "A", 3),
        (
            "AAAA",
            rule(min_margin=3),
            4,
            "A",
            4,
        ),  # the fifth can leave it no less than three ahead
    ],
)
def test_accepts(votes: str, voted: VoteRule, options: int, winner: str, count: int) -> None:
    verdict = vote(votes, voted, options)
    assert isinstance(verdict, Accept)
    assert (verdict.winner, verdict.votes) == (winner, count)
    assert verdict.chance == chance(options=options, samples=voted.samples, votes=count)


@pytest.mark.parametrize(
    ("votes", "voted", "options", "reason"),
    [
        ("-----", rule(), 4, "no_answer"),
        ("AA---", rule(), 4, "no_answer"),
        ("---", rule(), 4, "no_answer"),  # two cannot make three
        ("AABBC", rule(min_share=0.4), 4, "tie"),
        ("AABBC", rule(), 4, "tie"),
        ("AABCD", rule(), 4, "no_majority"),
        ("ABCD", rule(), 4, "no_majority"),  # closed before the fifth
        ("AAABB", rule(min_margin=2), 4, "no_majority"),
        ("AABB", rule(min_share=0.4, min_margin=2), 4, "no_majority"),  # closed before the fifth
        ("AAABB", rule(max_chance=0.1), 4, "chance"),
        (
            "ABAB",
            rule(max_chance=0.1),
            4,
            "chance",
        ),  # three would do for the share, not for the chance
        ("", rule(max_chance=0.05), 2, "chance"),  # even five of five over two options: 6.25 %
    ],
)
def test_rejects(votes: str, voted: VoteRule, options: int, reason: str) -> None:
    verdict = vote(votes, voted, options)
    assert isinstance(verdict, Reject)
    assert verdict.reason == reason
    assert verdict.detail
    assert "\n" not in verdict.detail


@pytest.mark.parametrize("votes", ["", "A", "AA", "AB", "AAB", "AABB", "A-A-", "--"])
def test_stays_open_while_a_sample_matters(votes: str) -> None:
    assert vote(votes, rule()) == Open()


def test_a_tie_that_one_more_sample_may_make_is_open() -> None:
    assert vote("AAAB", rule(samples=6, min_share=0.5)) == Open()
    assert isinstance(vote("AAAAB", rule(samples=6, min_share=0.5)), Accept)


def test_share_is_exact_where_floats_are_not() -> None:
    # 0.7 * 10 and 0.1 * 3 are a hair above the integer or the decimal in binary.
    assert votes_needed(rule(samples=10, min_share=0.7), 0) == 7
    assert votes_needed(rule(samples=30, min_share=0.1), 0) == 3
    assert votes_needed(rule(samples=5, min_share=0.61), 0) == 4


def test_tally_groups_equivalent_answers_and_keeps_the_first_form() -> None:
    counted = tally(["7", None, "7.0", "8", "07"], lambda a, b: float(a) == float(b))
    assert [(c.representative, c.count, c.members) for c in counted.clusters] == [
        ("7", 3, (0, 2, 4)),
        ("8", 1, (3,)),
    ]
    assert (counted.abstained, counted.drawn) == (1, 5)


def test_equal_counts_keep_the_order_of_appearance() -> None:
    assert [c.representative for c in tally(["B", "A", "A", "B", "C"], equal).clusters] == [
        "B",
        "A",
        "C",
    ]


def test_more_samples_than_the_rule_has_are_refused() -> None:
    with pytest.raises(ValueError, match="a vote of 2 samples got 3"):
        vote("AAA", rule(samples=2))


@pytest.mark.parametrize(
    "wrong",
    [
        {"samples": 0},
        {"min_share": 1.1},
        {"max_chance": -0.1},
        {"min_margin": 0},
        {"min_margin": 6},
    ],
)
def test_a_rule_out_of_range_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="a vote rule needs"):
        rule(**wrong)


answers = st.one_of(st.none(), st.sampled_from("AAABBCabD"))


def rules_of(
    samples: int, min_share: list[float], max_chance: list[float]
) -> st.SearchStrategy[VoteRule]:
    """Rules of up to so many samples, half of them with a margin of one vote."""

    def of(count: int) -> st.SearchStrategy[VoteRule]:
        return st.builds(
            VoteRule,
            samples=st.just(count),
            min_share=st.sampled_from(min_share),
            min_margin=st.just(1) | st.integers(1, count),
            max_chance=st.sampled_from(max_chance),
        )

    return st.integers(1, samples).flatmap(of)


rules = rules_of(9, [0.0, 0.1, 0.34, 0.5, 0.6, 0.7, 0.8, 1.0], [0.0, 0.01, 0.07, 0.5, 1.0])


def near(left: str, right: str) -> bool:
    """Deliberately not transitive: A ~ B ~ C, but not A ~ C; case does not count."""
    return abs(ord(left.upper()) - ord(right.upper())) <= 1


@settings(max_examples=6 * settings.default.max_examples)
@given(data=st.data(), voted=rules, options=st.integers(0, 6), same=st.sampled_from([equal, near]))
def test_an_early_decision_is_the_decision_of_all_samples(
    data, voted: VoteRule, options: int, same
) -> None:
    drawn = data.draw(st.lists(answers, min_size=voted.samples, max_size=voted.samples))
    full = decide(tally(drawn, same), voted, options)
    assert not isinstance(full, Open)
    for length in range(voted.samples):
        early = decide(tally(drawn[:length], same), voted, options)
        if isinstance(early, Open):
            continue
        assert type(early) is type(full)
        if isinstance(early, Accept) and isinstance(full, Accept):
            assert early.winner == full.winner
            assert early.votes <= full.votes
            assert early.chance >= full.chance


@settings(max_examples=2 * settings.default.max_examples)
@given(
    data=st.data(),
    voted=rules_of(6, [0.0, 0.3, 0.5, 0.6, 1.0], [0.01, 0.1, 0.5, 1.0]),
    options=st.sampled_from([0, 2, 3, 4]),
)
def test_the_next_round_is_the_smallest_that_could_close_the_vote(
    data, voted: VoteRule, options: int
) -> None:
    alphabet = [None, "A", "B", "C"]
    drawn = data.draw(st.lists(st.sampled_from(alphabet), max_size=voted.samples))
    missing = voted.samples - len(drawn)

    def closes(further: int) -> bool:
        return any(
            not isinstance(decide(tally([*drawn, *more], equal), voted, options), Open)
            for more in itertools.product(alphabet, repeat=further)
        )

    expected = next(n for n in range(missing + 1) if closes(n))
    assert next_round(tally(drawn, equal), voted, options) == expected


@settings(max_examples=2 * settings.default.max_examples)
@given(data=st.data(), voted=rules, options=st.integers(0, 6))
def test_open_means_that_both_outcomes_or_two_winners_are_still_possible(
    data, voted: VoteRule, options: int
) -> None:
    drawn = data.draw(st.lists(st.sampled_from(["A", "B", None]), max_size=voted.samples))
    missing = voted.samples - len(drawn)
    if not isinstance(decide(tally(drawn, equal), voted, options), Open) or missing > 5:
        return
    ends = set()
    for more in itertools.product([None, "A", "B", "new"], repeat=missing):
        end = decide(tally([*drawn, *more], equal), voted, options)
        ends.add(end.winner if isinstance(end, Accept) else "rejected")
    assert len(ends) > 1
