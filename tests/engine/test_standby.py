"""At the end of a phase: who waits to take over, and who leaves."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from dataclasses import replace
from pathlib import Path

from tests.engine.lab import QUICK, Clock, Transport, expected, files_of, rows_of, run, write_input
from tsdg.accounting import read_workers
from tsdg.engine.events import PhaseResult
from tsdg.engine.owner import Owner
from tsdg.engine.standby import PLACES, Standby
from tsdg.engine.timing import Timing
from tsdg.protocols import Reply, Request

TIMING = Timing(heartbeat_s=10.0, lease_timeout_s=60.0)


class Gated(Transport):
    """Replies once its gate is open."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = asyncio.Event()
        self.asked = asyncio.Event()

    async def send(self, request: Request) -> Reply:
        self.asked.set()
        await self.gate.wait()
        return await super().send(request)


def member(directory: Path, clock: Clock, *, may_leave: bool = True) -> Standby:
    """A process of another host, of which nothing but its heartbeat is known."""
    owner = replace(Owner.current(), boot="another", token=os.urandom(8).hex())
    return Standby(
        directory=directory,
        owner=owner,
        timing=TIMING,
        gone=lambda owner: False,
        may_leave=may_leave,
        monotonic=clock,
    )


def test_two_stay_and_the_others_leave_after_twice_the_lease_timeout(tmp_path: Path) -> None:
    clock = Clock()
    members = [member(tmp_path, clock) for _ in range(5)]
    left = []
    for _ in range(13):
        for one in list(members):
            one.beat()
            if one.dispensable():
                left.append(clock.now - 1000.0)
                members.remove(one)
        clock.now += 10.0
    assert left == [120.0] * 3
    assert len(members) == PLACES
    assert not any(one.dispensable() for one in members)


def test_a_process_that_must_not_leave_takes_no_place(tmp_path: Path) -> None:
    clock = Clock()
    one = member(tmp_path / "standby", clock, may_leave=False)
    assert not one.dispensable()
    clock.now += 10_000.0
    assert not one.dispensable()
    assert not one.asked
    assert not (tmp_path / "standby").exists()


def test_the_place_of_a_dead_process_is_taken_before_anybody_leaves(tmp_path: Path) -> None:
    clock = Clock()
    dead, alive, third = (member(tmp_path, clock) for _ in range(3))
    assert not dead.dispensable()
    for second in range(121):
        clock.now = 1000.0 + second
        alive.beat()
        assert not alive.dispensable()
        assert not third.dispensable(), f"it left after {second} s, with one place held by the dead"
        third.beat()
    assert not member(tmp_path, clock).dispensable()


def test_who_finds_work_gives_its_place_to_the_next(tmp_path: Path) -> None:
    clock = Clock()
    first, second, third = (member(tmp_path, clock) for _ in range(3))
    for one in (first, second, third):
        assert not one.dispensable()
    clock.now += 119.0
    first.quit()
    assert not first.asked
    assert not third.dispensable()
    clock.now += 1.0
    assert not first.dispensable(), "its time without work begins anew"
    assert not third.dispensable(), "it has the place"
    second.quit()
    third.quit()
    assert list(tmp_path.iterdir()) == []


async def begun(
    source: Path, directory: Path, timing: Timing
) -> tuple[Gated, asyncio.Task[PhaseResult]]:
    """A process that has claimed the only unit, and whose server does not answer yet."""
    transport = Gated()
    task = asyncio.create_task(run(source, directory, transport, timing=timing, may_leave=True))
    await transport.asked.wait()
    return transport, task


async def test_the_reserve_alone_waits_for_the_last_unit(tmp_path: Path) -> None:
    source, directory = (
        write_input(tmp_path / "in.parquet", rows=1, unit_rows=1),
        tmp_path / "phase",
    )
    holder, works = await begun(source, directory, QUICK)
    others = [
        asyncio.create_task(run(source, directory, Transport(), may_leave=True))
        for _ in range(PLACES + 3)
    ]
    while len(left := [task.result() for task in others if task.done()]) < 3:
        await asyncio.sleep(0.01)
    assert [(result.rows_done, result.units_committed) for result in left] == [(0, 0)] * 3
    states = [status.state for status in read_workers(directory)]
    assert Counter(states) == {"running": 1 + PLACES, "complete": 3}
    await asyncio.sleep(3 * QUICK.lease_timeout_s)
    assert sum(task.done() for task in others) == 3, "the reserve stays"
    holder.gate.set()
    results = await asyncio.gather(works, *others)
    assert results[0].units_committed == 1
    assert rows_of(directory) == expected(1)
    assert files_of(directory) == ["parts/unit-000000.parquet"]


async def test_before_anybody_leaves_the_unit_of_a_dead_process_is_taken_over(
    tmp_path: Path,
) -> None:
    source, directory = (
        write_input(tmp_path / "in.parquet", rows=1, unit_rows=1),
        tmp_path / "phase",
    )
    # Its first heartbeat never comes: to the others it died.
    holder, works = await begun(source, directory, replace(QUICK, heartbeat_s=3600.0))
    waiting = replace(QUICK, lease_timeout_s=2.0)
    transports = [Transport() for _ in range(PLACES + 3)]
    others = [run(source, directory, each, timing=waiting, may_leave=True) for each in transports]
    results = await asyncio.gather(*others)
    assert [result.rows_done for result in results] == [1] * len(others), (
        "all stayed until it was done"
    )
    assert sum(each.sent.total() for each in transports) == 3
    assert rows_of(directory) == expected(1)
    holder.gate.set()
    await works
    assert rows_of(directory) == expected(1)
    assert files_of(directory) == ["parts/unit-000000.parquet"]
