import pytest

from tsdg.errors import PermanentError, RetryableError, ServerError
from tsdg.serving.outage import MANY, PATIENCE_S, Outage


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_one_request_that_fails_again_and_again_is_at_fault_itself() -> None:
    outage = Outage(Clock())
    failure = RetryableError("http_500", "broken")
    assert all(outage.judge("a", failure) is failure for _ in range(50))


@pytest.mark.parametrize(
    "failure", [RetryableError("http_500", "broken"), PermanentError("http_400", "no")]
)
def test_many_that_fail_are_the_servers_fault_and_cost_no_attempt(
    failure: RetryableError | PermanentError,
) -> None:
    outage = Outage(Clock())
    for name in range(MANY):
        assert outage.judge(str(name), failure) is failure
    judged = outage.judge("one more", failure)
    assert isinstance(judged, RetryableError)
    assert not judged.counts
    outage.success()
    assert outage.judge("later", failure) is failure


def test_an_outage_that_lasts_ends_the_run_and_says_what_failed() -> None:
    clock = Clock()
    outage = Outage(clock)
    for name in range(MANY + 1):
        outage.judge(str(name), RetryableError("http_500", "broken"))
    clock.now = PATIENCE_S + 1
    ended = outage.judge("0", RetryableError("http_502", "bad gateway"))
    assert isinstance(ended, ServerError)
    assert "http_502" in str(ended)


def test_a_request_that_is_too_long_shows_that_the_server_works() -> None:
    outage = Outage(Clock())
    for name in range(10):
        failure = PermanentError("too_long", "9000 tokens")
        assert outage.judge(str(name), failure) is failure


def test_waiting_for_a_server_is_no_failure() -> None:
    outage = Outage(Clock())
    failure = RetryableError("no_server", "none", counts=False)
    assert all(outage.judge(str(name), failure) is failure for name in range(10))
