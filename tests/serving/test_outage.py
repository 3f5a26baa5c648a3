"""Whose fault a failing request is."""

import random

import pytest

from tsdg.errors import PermanentError, RetryableError, ServerError, TsdgError
from tsdg.serving.outage import MANY, PATIENCE_S, PUSHED_BACK_S, REFUSED_S, Outage
from tsdg.serving.pool import Endpoint

BROKEN = RetryableError("http_500", "broken")
REFUSED = PermanentError("http_400", "no such parameter")
LONG = PermanentError("too_long", "9000 of 8192 tokens")


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Scene:
    """One endpoint, or some, and what is said of their requests."""

    def __init__(self, endpoints: int = 1) -> None:
        self.clock = Clock()
        self.outage = Outage(self.clock)
        self.points = [
            Endpoint(f"http://127.0.0.1:{n + 1}/v1", proxy=None, name=f"endpoint-{n}", gpus=0)
            for n in range(endpoints)
        ]
        for point in self.points:
            point.conduct._clock = self.clock

    def answer(self, name: str, *, at: int = 0, size: int = 100) -> None:
        self.outage.sent(name)
        self.outage.ended(name)
        self.outage.success(name, self.points[at], size=size)

    def fail(
        self,
        name: str,
        failure: RetryableError | PermanentError = BROKEN,
        *,
        at: int = 0,
        size: int = 100,
    ) -> TsdgError:
        self.outage.sent(name)
        self.outage.ended(name)
        return self.outage.judge(name, self.points[at], failure, size=size)


def counts(judged: TsdgError) -> float:
    assert isinstance(judged, RetryableError), judged
    return judged.counts


@pytest.mark.parametrize("failure", [BROKEN, REFUSED])
def test_a_request_that_fails_where_others_are_answered_uses_up_its_attempts(
    failure: RetryableError | PermanentError,
) -> None:
    scene = Scene()
    spent = 0.0
    for number in range(500):
        scene.answer(f"good {number}")
        scene.clock.now += 1
        if number >= 100 and number % 10 == 0 and spent < 5:
            spent += counts(scene.fail("bad", failure))
    assert spent >= 5


def test_a_failure_does_not_count_while_nobody_is_answered() -> None:
    scene = Scene()
    for number in range(100):
        scene.answer(f"good {number}")
    scene.clock.now += 1
    spent = [counts(scene.fail("bad")) for scene.clock.now in range(1001, 1100)]
    assert spent[0] == 1
    assert sum(spent[1:]) == 0


@pytest.mark.parametrize("failing", [0.125, 0.5, 0.7, 0.9])
def test_a_storm_that_hits_a_share_of_all_tries_costs_no_row(failing: float) -> None:
    """By the numbers of the recipe: five attempts, retried at growing distances."""
    dice, scene = random.Random(11), Scene()
    waiting = [(0.0, f"r{n}", 0.0, 0) for n in range(400)]
    rejected = 0
    for number in range(50):
        scene.answer(f"before {number}")
    start = scene.clock.now
    while waiting:
        waiting.sort()
        at, name, spent, tries = waiting.pop(0)
        scene.clock.now = max(scene.clock.now, start + at)
        if dice.random() >= failing:
            scene.answer(name)
            continue
        spent += counts(scene.fail(name))
        if spent >= 5:
            rejected += 1
            continue
        waiting.append((at + min(5.0, 0.5 * 2**tries), name, spent, tries + 1))
    assert rejected == 0


def test_everything_refused_ends_the_run_soon_and_rejects_nothing() -> None:
    scene = Scene()
    judged: TsdgError = BROKEN
    for name in range(MANY + 1):
        judged = scene.fail(str(name), REFUSED)
        assert counts(judged) < 0.3
    scene.clock.now += REFUSED_S + 1
    judged = scene.fail("0", PermanentError("http_400", "max_tokens is too large: 9000"))
    assert isinstance(judged, ServerError)
    assert "lower the max_tokens of the step's sampling" in str(judged)


def test_a_lasting_outage_ends_the_run_and_says_what_failed() -> None:
    scene = Scene()
    for name in range(MANY + 1):
        scene.fail(str(name))
    scene.clock.now += REFUSED_S + 1
    assert counts(scene.fail("0")) == 0
    scene.clock.now += PATIENCE_S
    ended = scene.fail("0", RetryableError("http_502", "bad gateway"))
    assert isinstance(ended, ServerError)
    assert "http_502: bad gateway" in str(ended)


def test_a_slow_reply_under_way_is_waited_for() -> None:
    """Four quick refusals before the first slow reply are no outage."""
    scene = Scene()
    scene.outage.sent("slow")
    for name in range(MANY + 1):
        scene.fail(str(name), REFUSED)
    scene.clock.now += 10 * REFUSED_S
    assert isinstance(scene.fail("0", REFUSED), RetryableError)
    scene.outage.ended("slow")
    assert isinstance(scene.fail("0", REFUSED), ServerError)


def test_being_told_to_slow_down_never_counts_and_ends_at_last() -> None:
    scene = Scene()
    slow = RetryableError("http_429", "slow down", counts=0.0)
    for _ in range(10):
        for name in range(MANY + 1):
            assert counts(scene.fail(str(name), slow)) == 0
        scene.clock.now += PATIENCE_S / 5
    scene.clock.now += PUSHED_BACK_S
    assert isinstance(scene.fail("0", slow), ServerError)


def test_a_request_longer_than_all_that_were_answered_is_too_long() -> None:
    scene = Scene()
    assert isinstance(scene.fail("first", LONG), RetryableError)  # nothing to compare it with
    scene.answer("good", size=500)
    assert scene.fail("long", LONG, size=501) is LONG
    assert isinstance(scene.fail("short", LONG, size=499), RetryableError)


def test_the_last_request_of_a_run_is_believed_to_fail_once_the_server_is_seen_to_work() -> None:
    scene = Scene()
    scene.fail("last", REFUSED)
    scene.clock.now += 1
    assert scene.outage.lacks_proof("last", scene.points[0])
    scene.outage.proved(scene.points[0])
    assert not scene.outage.lacks_proof("last", scene.points[0])
    scene.clock.now += REFUSED_S
    assert isinstance(scene.fail("last", REFUSED), PermanentError)


def test_the_only_request_of_a_server_that_answers_nothing_is_not_rejected() -> None:
    scene = Scene()
    scene.fail("only", REFUSED)
    scene.clock.now += REFUSED_S + 1
    assert isinstance(scene.fail("only", REFUSED), ServerError)


def test_waiting_for_a_server_is_no_failure() -> None:
    scene = Scene()
    failure = RetryableError("no_server", "none", counts=0.0)
    assert all(scene.fail(str(name), failure) is failure for name in range(10))
