"""For how long a replica was there, ready and busy."""

from tsdg.serving.pool import Endpoint, Pool
from tsdg.serving.replica_times import ReplicaTimes


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_busy_time_counts_once_however_many_requests_are_under_way_and_only_while_ready() -> None:
    clock = Clock()
    endpoint = Endpoint("http://127.0.0.1:1/v1", proxy=None, name="server-0", gpus=8)
    endpoint.tally = ReplicaTimes(clock)
    pool = Pool((endpoint,))
    clock.now += 60  # booting
    pool.open(endpoint)
    clock.now += 10
    first = endpoint.begin()
    clock.now += 5
    second = endpoint.begin()
    clock.now += 5
    endpoint.end(first)
    clock.now += 5
    pool.shut(endpoint)  # it crashed, with a request under way
    clock.now += 100
    endpoint.end(second)
    pool.open(endpoint)
    clock.now += 1
    facts = endpoint.facts()
    assert (facts.held_s, facts.ready_s, facts.busy_s, facts.idle_s) == (186.0, 26.0, 15.0, 11.0)
    assert (facts.name, facts.gpus, facts.requests, facts.restarts) == ("server-0", 8, 0, 0)
