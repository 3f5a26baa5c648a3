"""The predicted growth of repetitions: exact where it is known, and right where the truth is."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tsdg.corpus.growth import Sizes, repeated_share


def drawn(forms: int, questions: int, *, seed: int) -> Sizes:
    """Questions drawn from equally frequent forms."""
    rows = np.random.default_rng(seed).integers(0, forms, questions)
    return np.unique(rows, return_counts=True)[1]


def cut(sizes: Sequence[int], questions: int, *, seed: int) -> Sizes:
    """Groups that some questions of a whole show."""
    whole = np.repeat(np.arange(len(sizes)), sizes)
    chosen = np.random.default_rng(seed).choice(whole, questions, replace=False)
    return np.unique(chosen, return_counts=True)[1]


def test_what_is_there_is_known() -> None:
    share = repeated_share(np.array([3, 2, 1, 1, 1]), at=8)
    assert share.estimate == share.low == share.high == pytest.approx(3 / 8)


def test_fewer_questions_are_expected_to_show_fewer_repetitions() -> None:
    # Of two equal questions among four, two drawn ones are a pair in one of six cases.
    share = repeated_share(np.array([2, 1, 1]), at=2)
    assert share.low == share.high == pytest.approx(1 / 12)
    assert repeated_share(np.array([2, 1, 1]), at=1).estimate == pytest.approx(0)


def test_no_share_is_below_nothing() -> None:
    shares = [
        repeated_share(np.ones(n, np.int64), at=at).low for n in (4, 45, 72) for at in range(n + 1)
    ]
    assert min(shares) == 0
    assert not any(math.copysign(1, share) < 0 for share in shares)


def test_no_questions() -> None:
    assert repeated_share(np.empty(0, np.int64), at=0).high == 0
    share = repeated_share(np.empty(0, np.int64), at=10)
    assert (share.low, share.high) == (0, 1)


def test_where_nothing_repeats_only_an_upper_bound_is_known() -> None:
    few, many = (repeated_share(np.ones(n, np.int64), at=100_000) for n in (100, 10_000))
    assert few.estimate == few.low == many.estimate == many.low == 0
    assert few.high > 0.9
    # Three pairs expected, where none was seen, are a hundred times as many among ten times as
    # many questions.
    assert many.high == pytest.approx(300 / 100_000, rel=0.05)


@pytest.mark.parametrize("forms", [20, 500, 5_000])
@pytest.mark.parametrize("questions", [200, 2_000])
def test_equally_frequent_forms(forms: int, questions: int) -> None:
    at, missed = 100_000, 0
    true = 1 - forms * -math.expm1(at * math.log1p(-1 / forms)) / at
    for seed in range(10):
        share = repeated_share(drawn(forms, questions, seed=seed), at=at)
        assert share.low <= share.estimate <= share.high
        missed += not share.low - 1e-4 <= true <= share.high + 1e-4
        if forms <= questions / 4:
            assert share.high - share.low < 0.1
            assert share.estimate == pytest.approx(true, abs=0.02)
    assert missed <= 1


WHOLES = {
    "pairs": [1] * 18_000 + [2] * 1_000,
    "one large group": [1] * 15_000 + [5_000],
    "many sizes": [size for size in range(1, 60) for _ in range(int(20_000 * size**-2.5))],
    "no repetition": [1] * 20_000,
}


@pytest.mark.parametrize("name", WHOLES)
@pytest.mark.parametrize("part", [10, 100])
def test_a_whole_that_was_cut(name: str, part: int) -> None:
    sizes, missed = WHOLES[name], 0
    whole = sum(sizes)
    true = 1 - len(sizes) / whole
    for seed in range(10):
        share = repeated_share(cut(sizes, whole // part, seed=seed), at=whole)
        missed += not share.low - 1e-9 <= true <= share.high + 1e-9
    assert missed <= 1


@settings(deadline=None, max_examples=25)
@given(
    st.lists(st.integers(1, 30), min_size=1, max_size=60),
    st.lists(st.floats(1.0, 5_000.0), min_size=2, max_size=4),
)
def test_more_questions_never_repeat_less(groups: list[int], times: list[float]) -> None:
    sizes = np.array(groups)
    whole = int(sizes.sum())
    shares = [repeated_share(sizes, at=math.ceil(whole * time)) for time in sorted(times)]
    # Of few questions the lower bound may fall: what was seen may have been luck.
    for before, after in itertools.pairwise(shares):
        assert after.high >= before.high - 0.01
        assert after.estimate >= before.estimate - 0.01
    for share in shares:
        assert 0 <= share.low <= share.estimate <= share.high <= 1


@settings(deadline=None, max_examples=10)
@given(st.permutations([1] * 8 + [2, 2, 3, 7]))
def test_the_order_of_groups_does_not_matter(groups: list[int]) -> None:
    first = repeated_share(np.array(sorted(groups)), at=1_000)
    assert repeated_share(np.array(groups), at=1_000) == first
