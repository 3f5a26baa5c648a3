"""Which endpoint a request goes to."""

import asyncio

import pytest

from tsdg.errors import ServerError
from tsdg.serving.pool import Endpoint, Pool


def make(count: int) -> tuple[Pool, list[Endpoint]]:
    endpoints = [
        Endpoint(f"http://127.0.0.1:{n + 1}/v1/", proxy=None, name="server-0", gpus=0)
        for n in range(count)
    ]
    return Pool(tuple(endpoints)), endpoints


async def test_the_ready_endpoint_with_the_fewest_own_requests_is_picked() -> None:
    pool, (a, b, c) = make(3)
    a.in_flight, b.in_flight = 2, 1
    pool.open(a)
    pool.open(b)
    assert await pool.pick() is b  # c has none, but is not ready
    pool.open(c)
    assert await pool.pick() is c


async def test_a_request_waits_for_the_first_that_is_ready() -> None:
    pool, (a, _) = make(2)
    waiting = [asyncio.create_task(pool.pick()) for _ in range(3)]
    await asyncio.sleep(0)
    assert not any(task.done() for task in waiting)
    pool.open(a)
    assert await asyncio.gather(*waiting) == [a, a, a]


async def test_a_suspect_gets_nothing_until_it_is_opened_again() -> None:
    pool, (a, b) = make(2)
    pool.open(a)
    pool.open(b)
    pool.suspect(a)
    assert a.suspected.is_set()
    assert await pool.pick() is b
    assert pool.ready == (b,)
    pool.open(a)
    assert not a.suspected.is_set()
    assert set(pool.ready) == {a, b}


async def test_the_circuit_opens_for_those_who_wait_when_the_last_endpoint_is_given_up() -> None:
    pool, (a, b) = make(2)
    waiting = asyncio.create_task(pool.pick())
    pool.give_up(a, "a is broken")
    await asyncio.sleep(0)
    assert not waiting.done()
    pool.give_up(b, "b is broken")
    with pytest.raises(ServerError, match="b is broken"):
        await waiting
    with pytest.raises(ServerError, match="b is broken"):
        await pool.pick()
    pool.open(a)  # an endpoint of others may come back
    assert await pool.pick() is a


async def test_a_closed_pool_turns_everybody_away() -> None:
    pool, (a,) = make(1)
    pool.open(a)
    pool.close("over")
    with pytest.raises(ServerError, match="over"):
        await pool.pick()


def test_credentials_stay_out_of_the_label() -> None:
    endpoint = Endpoint("https://me:secret@host:1/v1/", proxy=None, name="server-0", gpus=0)
    assert endpoint.label == "https://host:1/v1"
    assert endpoint.chat_url == "https://me:secret@host:1/v1/chat/completions"
    assert endpoint.root_url == "https://me:secret@host:1"


async def test_an_endpoint_that_keeps_requests_for_long_gets_no_more_of_them() -> None:
    pool, (quick, slow) = make(2)
    pool.open(quick)
    pool.open(slow)
    quick.took_s.extend([0.1] * 20)
    slow.begin()
    quick.in_flight = 50
    assert await pool.pick() is slow
    slow._began[0] -= 60
    assert await pool.pick() is quick
    slow.end(0)
    assert await pool.pick() is slow


async def test_one_that_is_set_aside_is_tried_by_one_request_when_its_time_has_come() -> None:
    pool, (bad, good) = make(2)
    pool.open(bad)
    pool.open(good)
    good.in_flight = 50
    for number in range(3):
        bad.conduct.failed(str(number), first=True)
    assert await pool.pick() is good
    bad.conduct._aside_until -= 10
    assert await pool.pick() is bad
    bad.in_flight = 1
    assert await pool.pick() is good


async def test_what_failed_at_one_endpoint_goes_to_another() -> None:
    pool, (a, b) = make(2)
    pool.open(a)
    pool.open(b)
    b.in_flight = 50
    assert await pool.pick({a: 1}) is b
    assert pool.has_other({a: 1})
    assert not pool.has_other({a: 1, b: 1})
