"""At the end of a phase: slow processes hand over to those that have nothing left to do."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.engine.lab import QUICK, Clock, Transport, expected, files_of, rows_of, run, write_input
from tsdg.engine.handover import MOST_HANDS, HandOver, Sign
from tsdg.engine.timing import Timing
from tsdg.protocols import Reply, Request
from tsdg.storage import list_names

SOON = replace(QUICK, heartbeat_s=0.02, hand_over_s=0.1, poll_s=0.01)


class Stuck(Transport):
    """Answers the first requests of each row, and the last one only when all is done."""

    def __init__(self) -> None:
        super().__init__(latency=0.05)
        self.holds = asyncio.Event()
        self.gate = asyncio.Event()
        self.answered: set[str] = set()

    async def send(self, request: Request) -> Reply:
        if request.request_id.endswith("/last"):
            self.holds.set()
            await self.gate.wait()
        reply = await super().send(request)
        self.answered.add(request.request_id)
        return reply


async def test_what_a_stuck_process_holds_is_done_by_one_without_work(tmp_path: Path) -> None:
    source, directory = write_input(tmp_path / "in.parquet", 24, 4), tmp_path / "phase"
    slow, quick = Stuck(), Transport(latency=0.001)
    holder = asyncio.create_task(run(source, directory, slow, timing=SOON, max_in_flight=12))
    await slow.holds.wait()
    async with asyncio.timeout(30):
        results = await asyncio.gather(holder, run(source, directory, quick, timing=SOON))
    assert rows_of(directory) == expected(24)
    assert results[1].units_committed == 6, "all, though the other one never let go by itself"
    assert len(slow.answered) >= 6
    assert not slow.answered & quick.sent.keys(), "what is in a journal is not asked again"
    assert set(quick.sent.values()) == {1}
    assert files_of(directory) == [f"parts/unit-{index:06d}.parquet" for index in range(6)]


async def test_nothing_is_handed_over_while_work_is_left_to_claim_or_soon_done(
    tmp_path: Path,
) -> None:
    source, directory = write_input(tmp_path / "in.parquet", 24, 4), tmp_path / "phase"
    timing = replace(SOON, hand_over_s=30.0)
    both = [Transport(latency=0.02), Transport(latency=0.001)]
    await asyncio.gather(*(run(source, directory, each, timing=timing) for each in both))
    assert rows_of(directory) == expected(24)
    assert (both[0].sent + both[1].sent).total() == 72, "each request once"


def unit(sequence: int, *, left: int = 100, generation: int = 0, ending: bool = False) -> Any:
    lease = SimpleNamespace(generation=generation)
    return SimpleNamespace(
        sequence=sequence, rows_total=left + 5, rows_done=5, lease=lease, ending=ending
    )


def chosen(
    units: list[Any],
    *,
    idle: list[float],
    busy: list[tuple[int, float]] = [],  # noqa: B006 - it is only read
    speed: float = 10.0,
    done: int = 0,
    after: float = 60.0,
) -> list[int]:
    """Sequences of the units that are handed over at the second look, ``after`` seconds later."""
    clock = Clock()
    hand_over = HandOver(Timing(hand_over_s=60.0), clock)
    shown = [*((0, one) for one in idle), *busy]
    for turn in (1, 2):
        names = [f".sign-{n:x}_{turn}_{left}_{one:.3g}" for n, (left, one) in enumerate(shown)]
        seen = hand_over.look(names, speed=speed)
        found = hand_over.choose(units, seen, rows_done=done * turn)
        if turn == 1:
            assert not found, "a sign that has not changed may be a dead one's"
        clock.now += after
    return [one.sequence for one in found]


MANY = [100.0] * 9


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ({"idle": [100.0]}, [3, 2]),
        ({"idle": MANY}, [3, 2, 1, 0]),
        ({"idle": MANY, "speed": 0.0}, [3, 2, 1, 0]),
        ({"idle": []}, []),
        ({"idle": [19.0] * 9}, []),
        ({"idle": MANY, "busy": [(400, 10.0)] * 90}, []),
        ({"idle": MANY, "busy": [(400, 1000.0)] * 90}, [3, 2, 1, 0]),
        ({"idle": MANY, "done": 1200}, []),
        ({"idle": MANY, "done": 1199}, [3, 2, 1, 0]),
        ({"idle": MANY, "after": 59.0}, []),
    ],
    ids=[
        "half to one process",
        "nearly all to many",
        "those without any reply of their own",
        "nobody is without work",
        "others are hardly quicker",
        "others need them as much",
        "others need them less",
        "soon done by themselves",
        "not so soon done",
        "not yet known",
    ],
)
def test_who_hands_over_what(case: dict[str, Any], expected: list[int]) -> None:
    assert chosen([unit(number) for number in range(4)], **case) == expected


def test_a_unit_does_not_go_round_for_ever_and_one_at_its_end_stays() -> None:
    units = [unit(0), unit(1, generation=MOST_HANDS), unit(2, ending=True)]
    assert chosen(units, idle=MANY) == [0]


def test_a_sign_changes_with_each_beat_and_goes(tmp_path: Path) -> None:
    sign, hand_over = Sign(tmp_path, "ab12"), HandOver(Timing())

    def look() -> tuple[int, int, float]:
        seen = hand_over.look(list_names(tmp_path), speed=1.0)
        return seen.idle, seen.quicker, seen.busy_s

    sign.show(0.0, left=0)
    assert list_names(tmp_path) == []
    sign.show(12345.6, left=0)
    assert look() == (1, 0, 0.0)
    sign.show(1.2e-05, left=0)
    assert look() == (1, 0, 0.0), "it is slow"
    sign.show(1234567, left=0)
    assert look() == (1, 1, 0.0)
    assert look() == (1, 0, 0.0), "it may be dead"
    next(tmp_path.iterdir()).unlink()
    sign.show(7, left=21)
    assert look() == (0, 0, 3.0)
    sign.hide()
    sign.hide()
    assert list_names(tmp_path) == []
