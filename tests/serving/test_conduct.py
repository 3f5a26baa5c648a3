"""What an endpoint's failures prove."""

import pytest

from tsdg.serving.conduct import BEST_SHARE, Conduct


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def seen(answers: int, failures: int, clock: Clock | None = None) -> Conduct:
    conduct = Conduct(clock or Clock())
    for number in range(failures):
        conduct.failed(f"bad {number}", first=True)
    for number in range(answers):
        conduct.answered(f"good {number}", first=True)
    return conduct


def test_a_failure_weighs_most_where_all_others_are_answered() -> None:
    assert seen(200, 0).weight("mine") == 1.0


def test_a_failure_proves_nothing_where_all_others_fail_too() -> None:
    assert seen(0, 200).weight("mine") < 0.001


@pytest.mark.parametrize("failing", [0.05, 0.125, 0.5, 0.9])
def test_the_chance_of_a_wrong_verdict_is_the_same_whatever_share_fails(failing: float) -> None:
    """Tries that five full failures take, times the logarithm of the share, is always the same."""
    conduct = seen(round(200 * (1 - failing)), round(200 * failing))
    tries = 5 / conduct.weight("mine")
    assert failing**tries == pytest.approx(BEST_SHARE**5, rel=0.8)


def test_a_request_does_not_speak_against_itself() -> None:
    conduct = seen(100, 0)
    for _ in range(50):
        conduct.failed("mine", first=False)
    assert conduct.weight("mine") == 1.0


def test_what_was_long_ago_is_forgotten() -> None:
    clock = Clock()
    conduct = seen(0, 100, clock)
    clock.now += 1000
    assert conduct.weight("mine") == pytest.approx(seen(0, 0).weight("mine"))


def test_failures_in_a_row_set_it_aside_for_longer_and_longer_and_an_answer_ends_that() -> None:
    clock = Clock()
    conduct = Conduct(clock)
    assert [conduct.failed(str(n), first=True) for n in range(3)] == [False, False, True]
    waits = []
    for number in range(8):
        waits.append(conduct.aside_s)
        clock.now += conduct.aside_s
        assert conduct.aside
        assert conduct.aside_s == 0
        conduct.failed(f"again {number}", first=True)
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]
    assert conduct.answered("x", first=True)
    assert not conduct.aside


def test_failures_of_requests_under_way_do_not_lengthen_it() -> None:
    conduct = Conduct(Clock())
    for number in range(100):
        conduct.failed(str(number), first=True)
    assert conduct.aside_s == 1


def test_one_that_fails_now_and_then_is_never_set_aside() -> None:
    conduct = Conduct(Clock())
    for number in range(1000):
        if number % 3:
            conduct.failed(str(number), first=True)
        else:
            conduct.answered(str(number), first=True)
        assert not conduct.aside
