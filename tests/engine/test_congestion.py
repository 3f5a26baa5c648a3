from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsdg.engine.congestion import Congestion, Look
from tsdg.protocols import Load

SILENT = Load(replicas=0, running=0, waiting=0, kv_cache_usage=0)


def look(
    *, load: Load = SILENT, active: int = 0, replies: int = 100, pushed_back: int = 0
) -> Look:  # one look, of which a test says what matters
    return Look(load=load, active=active, replies=replies, pushed_back=pushed_back)


class Server:
    """Replicas that run ``capacity`` requests at once and queue the others.

    Their caches are full when told to be.
    """

    def __init__(self, capacity: int, *, replicas: int = 1, kv: float = 0.5) -> None:
        self.capacity, self.replicas, self.kv = capacity, replicas, kv

    def load(self, active: int) -> Load:
        running = min(active, self.capacity)
        return Load(
            replicas=self.replicas,
            running=running,
            waiting=active - running,
            kv_cache_usage=self.kv if running == self.capacity else 0.1,
        )


def play(control: Congestion, server: Server, looks: int) -> list[int]:
    """The limits over some looks, with always enough requests to fill them."""
    limits = []
    for _ in range(looks):
        active = control.limit
        limits.append(control.look(look(load=server.load(active), active=active)))
    return limits


@pytest.mark.parametrize("ceiling", [1, 100, 256, 512, 4096])
def test_a_server_that_takes_everything_has_everything_within_a_few_looks(ceiling: int) -> None:
    control = Congestion(ceiling)
    assert control.limit == min(ceiling, 256)
    assert set(play(control, Server(10**6), 50)[4:]) == {ceiling}
    assert {control.look(look(active=n)) for n in range(0, ceiling, 8)} == {ceiling}


def test_a_replica_that_comes_to_a_full_one_has_its_share_at_once() -> None:
    control = Congestion(2048)
    full = Server(300)
    limit = play(control, full, 20)[-1]
    both = replace(full.load(limit), replicas=2)
    seen = Look(load=both, active=limit, replies=10, pushed_back=0, servers=2)
    assert control.look(seen) == limit + 256
    assert control.look(replace(seen, active=limit + 256)) <= limit + 256


def test_an_endpoint_without_metrics_that_replies_has_everything_too() -> None:
    control = Congestion(2048)
    assert [control.look(look(active=control.limit)) for _ in range(4)] == [512, 1024, 2048, 2048]


def test_the_upper_bound_is_for_each_server() -> None:
    control = Congestion(1000)
    assert play(control, Server(10**6), 6)[-1] == 1000
    limits = [control.look(replace(look(active=control.limit), servers=8)) for _ in range(5)]
    assert limits == [2000, 4000, 8000, 8000, 8000]


def test_while_no_server_works_the_limit_stays() -> None:
    control = Congestion(2048)
    starting = Load(replicas=1, running=0, waiting=0, kv_cache_usage=0)
    for load in (SILENT, starting):
        assert control.look(look(load=load, active=256, replies=0)) == 256


@pytest.mark.parametrize(
    ("ceiling", "capacity", "replicas"), [(512, 64, 1), (512, 64, 4), (256, 7, 1), (2048, 900, 8)]
)
def test_the_limit_settles_where_the_batch_is_full_and_the_queue_short(
    ceiling: int, capacity: int, replicas: int
) -> None:
    control = Congestion(ceiling)
    settled = play(control, Server(capacity, replicas=replicas), 200)[100:]
    assert min(settled) >= capacity
    step = ceiling // 32
    assert max(settled) <= capacity * 1.25 + 4 * replicas + step
    # And it follows a server that gets room, up to the bound.
    assert play(control, Server(10 * ceiling), 40)[-1] == ceiling


def test_a_full_cache_allows_no_queue() -> None:
    control = Congestion(512)
    settled = play(control, Server(100, kv=0.99), 300)[200:]
    assert min(settled) >= 100
    assert max(settled) <= 100 + 512 // 32


def test_push_back_takes_the_limit_down_and_its_absence_up() -> None:
    control = Congestion(200)
    assert control.look(look(active=200, replies=10, pushed_back=30)) == 140
    assert control.look(look(active=140, replies=10, pushed_back=30)) == 98
    assert control.look(look(active=98)) == 104
    # A limit that holds nothing back stays.
    assert control.look(look(active=20)) == 104


def test_a_single_late_request_among_many_changes_nothing_but_one_among_few_does() -> None:
    assert Congestion(100).look(look(active=100, replies=500, pushed_back=1)) == 100
    assert Congestion(100).look(look(active=100, replies=0, pushed_back=1)) == 70


def test_requests_still_under_way_after_a_cut_bring_no_second_one() -> None:
    control = Congestion(256)
    server = Server(64)
    first = control.look(look(load=server.load(256), active=256))
    assert first < 256
    assert control.look(look(load=server.load(250), active=250)) == first


def test_a_long_queue_of_others_never_takes_the_limit_up() -> None:
    control = Congestion(3)
    others = [
        Load(replicas=replicas, running=0, waiting=13, kv_cache_usage=0) for replicas in (0, 3)
    ]
    assert [control.look(look(load=load, active=0)) for load in others] == [1, 1]


loads = st.builds(
    Load,
    replicas=st.integers(0, 20),
    running=st.floats(0, 1e4),
    waiting=st.floats(0, 1e5),
    kv_cache_usage=st.floats(0, 1),
)
seen = st.builds(
    Look,
    load=loads,
    active=st.integers(0, 5000),
    replies=st.integers(0, 10**6),
    pushed_back=st.integers(0, 10**4),
)


@given(ceiling=st.integers(1, 4096), looks=st.lists(seen, max_size=30))
def test_the_limit_stays_in_its_bounds_and_moves_down_only_for_a_reason(
    ceiling: int, looks: list[Look]
) -> None:
    control = Congestion(ceiling)
    for one in looks:
        before = control.limit
        after = control.look(one)
        assert 1 <= after <= ceiling
        assert after >= before or one.pushed_back or one.load.waiting
        assert after <= max(2 * before, before + max(1, ceiling // 32))
