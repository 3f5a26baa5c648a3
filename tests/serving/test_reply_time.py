"""How long a reply may take."""

import pytest

from tsdg.serving.reply_time import (
    LEAST_S,
    SLOWEST,
    Pace,
    completions_at_once,
    reply_limit_s,
)


def limit(
    tokens: int, *, rate: float = SLOWEST, told_s: int | None = None, timeouts: int = 0
) -> float:
    return reply_limit_s(tokens=tokens, rate=rate, told_s=told_s, timeouts=timeouts)


def test_a_thinking_reply_has_the_time_that_its_tokens_take() -> None:
    """32,768 tokens at 9 tokens/s, a full H100 node's rate for each of 256 requests."""
    assert limit(32768) > 32768 / 9


def test_short_replies_have_time_for_a_queue() -> None:
    assert limit(10) == LEAST_S


def test_a_word_of_the_recipe_counts() -> None:
    assert limit(32768, told_s=7) == 7


def test_a_reply_that_was_cut_gets_twice_the_time() -> None:
    assert [limit(10, told_s=2, timeouts=n) for n in range(4)] == [2, 4, 8, 16]


def test_the_rate_is_that_of_the_slowest_of_the_last_replies() -> None:
    pace = Pace()
    assert pace.least == SLOWEST
    for rate in [50, 40, 30, 200] * 4:
        pace.replied(tokens=1000, seconds=1000 / rate)
    assert pace.least == pytest.approx(30 / 4)
    assert limit(32768, rate=pace.least) < limit(32768)


def test_replies_of_few_tokens_say_nothing_of_the_rate() -> None:
    pace = Pace()
    for _ in range(50):
        pace.replied(tokens=2, seconds=10)
    assert pace.least == SLOWEST


@pytest.mark.parametrize(
    ("tokens", "rate", "told_s", "expected"),
    [
        (32768, SLOWEST, None, 1),  # thinking
        (512, SLOWEST, None, 4),
        (2048, 40, None, 11),  # the rate is seen by now
        (512, SLOWEST, 300, 2),
        (32768, SLOWEST, 5, 1),
    ],
)
def test_so_many_completions_share_a_request_as_fit_its_limit(
    tokens: int, rate: float, told_s: int | None, expected: int
) -> None:
    found = completions_at_once(tokens=tokens, rate=rate, told_s=told_s)
    assert found == expected
    assert found == 1 or found * tokens / rate <= (told_s or 600)
