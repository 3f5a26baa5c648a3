from __future__ import annotations

import asyncio
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.engine.lab import NO_CAPS, QUICK, Transport, expected, rows_of, run, write_input
from tests.test_accounting import STATUS
from tsdg.accounting import read_run, read_workers, spent, worker_path, write_worker
from tsdg.config.recipe import BudgetConfig
from tsdg.engine.budget import Others, check_budget, is_capped, reached
from tsdg.errors import BudgetReachedError, RetryableError, VerificationError
from tsdg.protocols import ReplicaFacts, Request


def caps(**some: float) -> BudgetConfig:
    return BudgetConfig(**{**NO_CAPS.model_dump(), **some})


USED = spent([STATUS])  # 3 retries, 60 s, 300 tokens, 120 GPU-seconds


@pytest.mark.parametrize(
    ("cap", "below"),
    [
        ({"retries": 3}, {"retries": 4}),
        ({"wall_hours": 0.0166}, {"wall_hours": 0.017}),
        ({"tokens": 300}, {"tokens": 301}),
        ({"gpu_hours": 0.0333}, {"gpu_hours": 0.0334}),
    ],
)
def test_each_cap_is_reached_at_its_value_and_said_in_one_line(
    cap: dict[str, float], below: dict[str, float]
) -> None:
    ((key, value),) = cap.items()
    line = reached(caps(**cap), USED)
    assert line.startswith(f"budget.{key}={value} is reached: this run has used ")
    assert f"larger budget.{key} (0: no cap)" in line
    assert "\n" not in line
    assert reached(caps(**below), USED) == ""
    assert is_capped(caps(**cap))


def test_zero_is_no_cap() -> None:
    assert not is_capped(NO_CAPS)
    assert reached(NO_CAPS, USED) == ""


def test_the_check_before_servers_start_reads_all_phases(tmp_path: Path) -> None:
    check_budget(caps(tokens=600), tmp_path)
    write_worker(tmp_path / "questions", "aa", STATUS)
    check_budget(caps(tokens=600), tmp_path)
    write_worker(tmp_path / "answers", "bb", STATUS)
    with pytest.raises(
        BudgetReachedError, match=r"budget.tokens=600 is reached: this run has used 600"
    ):
        check_budget(caps(tokens=600), tmp_path)
    worker_path(tmp_path / "answers", "cc").write_text("{")
    check_budget(NO_CAPS, tmp_path)
    with pytest.raises(VerificationError):
        check_budget(caps(tokens=600), tmp_path)


def test_others_are_read_again_only_while_they_run(tmp_path: Path) -> None:
    phase = tmp_path / "answers"
    own = worker_path(phase, "own")
    others = Others(tmp_path, own=own)
    assert others.read() == []
    write_worker(phase, "own", STATUS)
    write_worker(phase, "ended", replace(STATUS, ended=1060.0, state="complete"))
    write_worker(phase, "running", STATUS)
    assert len(others.read()) == 2
    assert others.running == 1
    write_worker(phase, "ended", replace(STATUS, ended=1060.0, completion_tokens=10**6))
    write_worker(phase, "running", replace(STATUS, completion_tokens=7))
    assert sorted(worker.completion_tokens for worker in others.read()) == [7, 100]


@pytest.fixture
def phase(tmp_path: Path) -> Path:
    return tmp_path / "run" / "answers"


async def test_a_run_stops_at_its_tokens_and_goes_on_with_more(tmp_path: Path, phase: Path) -> None:
    source = write_input(tmp_path / "in.parquet", rows=300, unit_rows=50)
    transport = Transport(latency=0.005)
    with pytest.raises(BudgetReachedError, match=r"budget\.tokens=1000 is reached"):
        await run(source, phase, transport, budget=caps(tokens=1000))
    (worker,) = read_workers(phase)
    used = worker.prompt_tokens + worker.completion_tokens
    assert 1000 <= used < 4500  # all of it is 300 rows of 3 requests of 5 tokens
    assert worker.state == "stopped"
    assert worker.reason.startswith("budget.tokens=1000 is reached")
    assert worker.ended is not None

    # The same again asks nothing at all; a larger one goes on from there.
    before = transport.sent.total()
    with pytest.raises(BudgetReachedError, match=rf"this run has used {used};"):
        await run(source, phase, transport, budget=caps(tokens=1000))
    assert transport.sent.total() == before
    with pytest.raises(BudgetReachedError, match=r"budget\.tokens=3000 is reached"):
        await run(source, phase, transport, budget=caps(tokens=3000))
    await run(source, phase, transport, budget=caps(tokens=100_000))
    assert rows_of(phase) == expected(300)
    total = spent(read_run(phase.parent))
    # At most the requests in flight at each of the two stops were sent again.
    assert total.prompt_tokens + total.completion_tokens == 4500
    assert 0 <= transport.sent.total() - 900 <= 2 * 8


async def test_where_all_is_done_no_budget_stops_it(
    tmp_path: Path, phase: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write_input(tmp_path / "in.parquet", rows=10, unit_rows=5)
    await run(source, phase, Transport())
    watched = threading.Event()

    def slow(*_: object) -> None:
        assert watched.wait(30)

    def reached_at_once(*_: object) -> str:
        watched.set()
        return "budget.tokens=1 is reached"

    monkeypatch.setattr("tsdg.engine.unit_store.sweep", slow)
    monkeypatch.setattr("tsdg.engine.worker_report.reached", reached_at_once)
    await run(source, phase, Transport(), budget=caps(tokens=1))
    assert [worker.state for worker in read_workers(phase)] == ["complete", "complete"]


async def test_what_other_processes_use_counts_while_they_use_it(
    tmp_path: Path, phase: Path
) -> None:
    source = write_input(tmp_path / "in.parquet", rows=40, unit_rows=40)
    write_worker(phase.parent / "questions", "other", STATUS)
    transport = Transport(latency=3600.0)
    task = asyncio.create_task(run(source, phase, transport, budget=caps(tokens=5000)))
    while not transport.active:
        await asyncio.sleep(0.01)
    write_worker(phase.parent / "questions", "other", replace(STATUS, completion_tokens=5000))
    with pytest.raises(
        BudgetReachedError, match=r"budget\.tokens=5000 is reached: this run has used 5200"
    ):
        await task
    assert transport.active == 0


async def test_a_damaged_file_of_another_process_is_said_once_and_stops_nothing(
    tmp_path: Path, phase: Path
) -> None:
    source = write_input(tmp_path / "in.parquet", rows=40, unit_rows=40)

    class Damaging(Transport):
        async def send(self, request: Request):  # type: ignore[no-untyped-def]
            worker_path(phase, "other").write_text("{")
            return await super().send(request)

    notes: list[str] = []
    await run(source, phase, Damaging(latency=0.1), budget=caps(tokens=10**9), notes=notes)
    assert rows_of(phase) == expected(40)
    assert [note for note in notes if "not known for the budget" not in note] == []
    assert len(notes) == 1


async def test_retries_are_capped_over_the_whole_run(tmp_path: Path, phase: Path) -> None:
    source = write_input(tmp_path / "in.parquet", rows=10, unit_rows=10)

    def fault(request: Request, sent: int) -> None:
        raise RetryableError("connection", "refused", counts=False)

    with pytest.raises(BudgetReachedError, match=r"budget\.retries=20 is reached"):
        await run(source, phase, Transport(fault=fault), budget=caps(retries=20))


async def test_hours_of_wall_and_gpus_are_capped(tmp_path: Path, phase: Path) -> None:
    source = write_input(tmp_path / "in.parquet", rows=10, unit_rows=10)

    class OnGpus(Transport):
        def __init__(self) -> None:
            super().__init__(latency=60.0)
            self.began = time.monotonic()

        def replicas(self) -> tuple[ReplicaFacts, ...]:
            held_s = time.monotonic() - self.began
            return (replace(STATUS.replicas[0], gpus=8, held_s=held_s, busy_s=0.0, requests=0),)

    with pytest.raises(BudgetReachedError, match=r"budget\.wall_hours=0\.0001 is reached"):
        await run(source, phase, OnGpus(), budget=caps(wall_hours=0.0001))
    with pytest.raises(BudgetReachedError, match=r"budget\.gpu_hours=0\.0015 is reached"):
        await run(source, phase, OnGpus(), budget=caps(gpu_hours=0.0015), timing=QUICK)
    used = spent(read_run(phase.parent))
    assert used.gpu_seconds == pytest.approx(8 * used.wall_seconds, rel=0.3)
    assert used.idle_gpu_seconds == used.gpu_seconds
