from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tsdg.engine.inflight import InFlight, Prefixes


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_places_go_to_the_smallest_order_then_to_who_came_first() -> None:
    places = InFlight(1)
    got: list[str] = []

    async def take(name: str, *order: int) -> None:
        await places.acquire(order)
        got.append(name)

    await places.acquire((9,))
    tasks = [
        asyncio.create_task(take(name, *order))
        for name, *order in (
            ("late row", 2, 0),
            ("short", 1, -5),
            ("long", 1, -50),
            ("short too", 1, -5),
        )
    ]
    await settle()
    assert got == []
    for _ in tasks:
        places.release()
        await settle()
    assert got == ["long", "short", "short too", "late row"]
    assert places.active == 1


async def test_a_raised_limit_lets_waiting_ones_in_and_a_lowered_one_takes_effect_as_they_end() -> (
    None
):
    places = InFlight(1)
    tasks = [asyncio.create_task(places.acquire((n,))) for n in range(4)]
    await settle()
    assert places.active == 1
    places.limit = 3
    assert places.changed.is_set()
    await settle()
    assert [task.done() for task in tasks] == [True, True, True, False]
    places.limit = 1
    places.release()
    places.release()
    await settle()
    assert not tasks[3].done()
    places.release()
    await settle()
    assert tasks[3].done()
    assert (places.active, places.limit) == (1, 1)


def test_a_limit_below_one_is_refused() -> None:
    places = InFlight(2)
    with pytest.raises(ValueError, match="found 0, allowed 1 and more"):
        places.limit = 0


@settings(max_examples=settings.default.max_examples // 2)
@given(
    moves=st.lists(
        st.tuples(st.sampled_from(["take", "give", "cancel", "limit"]), st.integers(0, 9)),
        max_size=60,
    )
)
def test_no_place_is_ever_lost_or_given_twice(moves: list[tuple[str, int]]) -> None:
    async def play() -> None:
        places = InFlight(2)
        tasks: list[asyncio.Task[None]] = []

        def holders() -> list[asyncio.Task[None]]:
            return [task for task in tasks if task.done() and not task.cancelled()]

        for move, number in moves:
            waiting = [task for task in tasks if not task.done()]
            if move == "take":
                tasks.append(asyncio.create_task(places.acquire((number,))))
            elif move == "give" and holders():
                tasks.remove(holders()[0])
                places.release()
            elif move == "cancel" and waiting:
                waiting[number % len(waiting)].cancel()
            elif move == "limit":
                places.limit = number % 4 + 1
            if number % 2:
                await settle()
        await settle()
        assert places.active == len(holders())
        # Nobody waits while there is a place.
        assert places.active >= places.limit or all(task.done() for task in tasks)
        for task in tasks:
            task.cancel()
        await settle()

    asyncio.run(play())


def test_requests_of_one_prefix_have_one_number_while_any_is_open() -> None:
    prefixes = Prefixes()
    with (
        prefixes.rank("maths") as maths,
        prefixes.rank("law") as law,
        prefixes.rank("maths") as again,
    ):
        assert maths == again < law
        with prefixes.rank("law") as other:
            assert other == law
    # A prefix that comes back after its end waits behind those that came meanwhile; nothing is kept
    # of it.
    with prefixes.rank("music") as music, prefixes.rank("maths") as late:
        assert law < music < late
    assert not prefixes._open
    assert not prefixes._ranks
