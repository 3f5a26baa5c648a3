"""What a phase says that it does."""

from __future__ import annotations

import pytest

from tsdg.engine.events import PhaseEvent
from tsdg.pipeline.phases import at_work_on
from tsdg.protocols import ReplicaFacts


def replica(ready_s: float) -> ReplicaFacts:
    return ReplicaFacts(
        name="server-0",
        url="",
        gpus=0,
        held_s=60.0,
        ready_s=ready_s,
        busy_s=0.0,
        idle_s=ready_s,
        requests=0,
        prompt_tokens=0,
        completion_tokens=0,
        restarts=0,
    )


def event(*, requests_done: int, in_flight: int) -> PhaseEvent:
    return PhaseEvent(
        rows_done=0,
        rows_total=9,
        requests_done=requests_done,
        in_flight=in_flight,
        prompt_tokens=0,
        completion_tokens=0,
        resumed_requests=0,
        units_committed=0,
    )


@pytest.mark.parametrize(
    ("done", "in_flight", "ready_s", "told"),
    [
        (0, 3, [0.0, 0.0], "no server is ready yet"),
        (0, 3, [0.0, 0.5], "no reply yet, 3 requests in flight"),
        (7, 3, [9.0, 0.0], "3 in flight, 40 tokens/s, 7 requests"),
        (7, 0, [9.0, 0.0], "nothing in flight: checking and writing rows, 7 requests"),
    ],
)
def test_it_says_what_it_waits_for(
    done: int, in_flight: int, ready_s: list[float], told: str
) -> None:
    now = event(requests_done=done, in_flight=in_flight)
    assert at_work_on(now, 40.0, [replica(one) for one in ready_s]) == told
