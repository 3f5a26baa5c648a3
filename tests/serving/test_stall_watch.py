"""When a server counts as hung."""

import pytest

from tsdg.serving.stall_watch import Progress


def judge(looks: list[tuple[float, float, bool]]) -> list[str]:
    """Judgements of a series of (time, tokens, busy)."""
    progress = Progress(stall_s=10, idle_s=20, now=0)
    return [progress.look(now=now, tokens=tokens, busy=busy) for now, tokens, busy in looks]


def test_tokens_that_come_are_progress_however_slowly() -> None:
    assert set(judge([(t * 5.0, t // 2, True) for t in range(40)])) == {"fine"}


def test_work_without_tokens_is_a_stall_after_the_time_and_not_before() -> None:
    assert judge([(0, 7, True), (5, 7, True), (9, 7, True), (11, 7, True)]) == [
        "fine",
        "fine",
        "fine",
        "stalled",
    ]


def test_the_clock_of_a_stall_starts_with_the_work_and_not_with_the_last_token() -> None:
    looks = [
        (0, 7, False),
        (15, 7, False),
        (16, 7, True),
        (20, 7, True),
        (24, 7, True),
        (25.1, 7, True),
    ]
    assert judge(looks) == ["fine"] * 5 + ["stalled"]


def test_a_long_pause_between_two_looks_is_not_a_stall() -> None:
    assert judge([(0, 7, True), (1000, 7, True), (1001, 8, True)]) == ["fine"] * 3


def test_a_server_without_work_is_idle_after_the_time_until_it_has_answered() -> None:
    progress = Progress(stall_s=10, idle_s=20, now=0)
    judged = [progress.look(now=now, tokens=7, busy=False) for now in (0.0, 15.0, 21.0)]
    assert judged == ["fine", "fine", "idle"]
    progress.answered(22)
    assert progress.look(now=30, tokens=7, busy=False) == "fine"
    assert progress.look(now=43, tokens=7, busy=False) == "idle"


@pytest.mark.parametrize("tokens", [3.0, 9.0])
def test_a_counter_that_moves_in_any_direction_is_progress(tokens: float) -> None:
    assert judge([(0, 7, True), (5, 7, True), (9, 7, True), (11, tokens, True)])[-1] == "fine"
