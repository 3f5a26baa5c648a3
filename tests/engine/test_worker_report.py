from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.engine import lab
from tests.engine.lab import Transport, expected, rows_of, run, write_input
from tests.engine.test_budget import caps
from tests.test_accounting import STATUS
from tsdg.accounting import WorkerStatus, read_workers
from tsdg.engine.worker_report import History, since
from tsdg.errors import PermanentError, RetryableError, ServerError, StoppedError, StorageError
from tsdg.protocols import ReplicaFacts, Request

FACTS = replace(
    STATUS.replicas[0],
    held_s=0.0,
    ready_s=0.0,
    busy_s=0.0,
    idle_s=0.0,
    requests=0,
    prompt_tokens=0,
    completion_tokens=0,
    restarts=0,
)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_input(tmp_path / "in.parquet", rows=20, unit_rows=5)


@pytest.fixture
def phase(tmp_path: Path) -> Path:
    return tmp_path / "run" / "answers"


async def test_a_worker_files_what_it_did(
    source: Path, phase: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "12")
    monkeypatch.setenv("SLURM_ARRAY_JOB_ID", "10")
    monkeypatch.setenv("SLURM_ARRAY_TASK_ID", "2")
    monkeypatch.setenv("SLURMD_NODENAME", "node7")

    def fault(request: Request, sent: int) -> None:
        if request.request_id == "row-00001/0" and sent < 3:
            raise RetryableError("http_503", "busy")
        if request.request_id == "row-00002/0":
            raise PermanentError("too_long", "long")

    result = await run(source, phase, Transport(fault=fault))
    (worker,) = read_workers(phase)
    assert (worker.state, worker.reason) == ("complete", "")
    assert worker.ended == worker.updated >= worker.started
    assert (worker.rows_done, worker.rows_total, worker.units_committed) == (20, 20, 4)
    assert (worker.requests_done, worker.in_flight, worker.waiting) == (60, 0, 0)
    assert (worker.retries, worker.failures) == ({"http_503": 2}, {"too_long": 1})
    assert (worker.prompt_tokens, worker.completion_tokens) == (
        result.prompt_tokens,
        result.completion_tokens,
    )
    assert 1 <= worker.in_flight_limit <= 8
    assert worker.history[-1][1:] == (result.completion_tokens, 0, 20)
    owner = worker.owner
    assert (owner.host, owner.pid) == (os.uname().nodename, os.getpid())
    assert (owner.slurm_job_id, owner.slurm_array_job_id, owner.slurm_array_task_id) == (
        "12",
        "10",
        "2",
    )
    assert owner.slurm_node == "node7"


async def test_a_stopped_and_a_failed_worker_say_so_and_each_start_has_its_file(
    source: Path, phase: Path
) -> None:
    stop = asyncio.Event()
    stop.set()
    with pytest.raises(StoppedError):
        await run(source, phase, Transport(latency=60.0), stop=stop)

    def down(request: Request, sent: int) -> None:
        raise ServerError("all servers\nare down")

    with pytest.raises(ServerError):
        await run(source, phase, Transport(fault=down))
    await run(source, phase, Transport())
    stopped, failed, complete = read_workers(phase)
    assert stopped.state == "stopped"
    assert "units done" in stopped.reason
    assert (failed.state, failed.reason) == ("failed", "all servers are down")
    assert complete.state == "complete"


async def test_a_cancelled_worker_is_a_stopped_one(source: Path, phase: Path) -> None:
    transport = Transport(latency=60.0)
    task = asyncio.create_task(run(source, phase, transport))
    while not transport.active:
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [(worker.state, worker.reason) for worker in read_workers(phase)] == [
        ("stopped", "cancelled")
    ]


def test_a_killed_worker_leaves_its_figures(source: Path, phase: Path, tmp_path: Path) -> None:
    log, gate = tmp_path / "sent", tmp_path / "gate"
    worker = lab.start_worker(source, phase, log, latency=0.0, in_flight=4, gate=gate)
    lab.wait_for_lines(log, 4)

    def status() -> WorkerStatus | None:
        workers = read_workers(phase)
        return workers[0] if workers else None

    lab.wait_for(
        lambda: (now := status()) is not None and now.in_flight == 4, "the figures of the worker"
    )
    worker.kill()
    worker.communicate()
    left = status()
    assert left is not None
    assert (left.state, left.ended, left.owner.pid) == ("running", None, worker.pid)


async def test_a_full_disk_under_the_books_is_said_once_and_stops_nothing(
    source: Path, phase: Path, small_disk: Path
) -> None:
    books = small_disk / "workers"
    books.mkdir()
    phase.mkdir(parents=True)
    (phase / "workers").symlink_to(books)
    with suppress(OSError), (small_disk / "filler").open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    notes: list[str] = []
    await run(source, phase, Transport(latency=0.05), notes=notes)
    assert rows_of(phase) == expected(20)
    assert len(notes) == 1
    assert "the work goes on, but its figures cannot be kept: cannot write" in notes[0]
    assert "\n" not in notes[0]


async def test_with_a_cap_a_run_whose_books_cannot_be_kept_stops(
    source: Path, phase: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else others, and a later start, would not know what this process used."""

    def full(*_: object) -> None:
        raise StorageError("cannot write the figures")

    monkeypatch.setattr("tsdg.engine.worker_report.write_worker", full)
    with pytest.raises(StorageError, match="cannot write the figures"):
        await run(source, phase, Transport(latency=0.05), budget=caps(tokens=10**9))


class Busy(Transport):
    """One replica of two GPUs.

    It took 20 s to start, answered 7 requests in 10 s, and has been busy ever since.
    """

    def __init__(self) -> None:
        super().__init__(latency=0.05)
        self.began = asyncio.get_running_loop().time()

    def replicas(self) -> Sequence[ReplicaFacts]:
        busy = asyncio.get_running_loop().time() - self.began + 10
        done = self.sent.total()
        return (
            replace(
                FACTS, held_s=busy + 20, ready_s=busy, busy_s=busy, requests=done + 7, restarts=1
            ),
        )


async def test_replicas_are_counted_from_where_they_were_accounted_for_last(
    source: Path, phase: Path
) -> None:
    transport = Busy()
    transport.began -= 90  # between the phases
    accounted = [replace(FACTS, held_s=30.0, ready_s=10.0, busy_s=10.0, requests=7, restarts=1)]
    await run(source, phase, transport, accounted=accounted)
    (worker,) = read_workers(phase)
    (facts,) = worker.replicas
    assert (facts.requests, facts.restarts) == (60, 0)
    seconds = worker.updated - worker.started
    assert facts.held_s == facts.busy_s == pytest.approx(90 + seconds, abs=0.5)
    assert worker.gpu_seconds == pytest.approx(2 * facts.held_s, abs=0.01)
    assert worker.idle_gpu_seconds == 0.0


async def test_the_start_of_the_servers_counts_to_their_first_phase_and_is_idle(
    source: Path, phase: Path
) -> None:
    await run(source, phase, Busy())
    (worker,) = read_workers(phase)
    assert worker.replicas[0].requests == 67
    assert worker.gpu_seconds == pytest.approx(2 * (30 + worker.updated - worker.started), abs=1.0)
    assert worker.idle_gpu_seconds == pytest.approx(2 * 20, abs=0.01)


def test_a_replica_that_came_later_is_counted_as_it_is() -> None:
    new = replace(FACTS, name="server-1", requests=3)
    assert since({"server-0": FACTS}, [new]) == (new,)


@given(count=st.integers(0, 5000), most=st.integers(2, 60))
def test_a_history_is_bounded_ordered_spread_and_ends_now(count: int, most: int) -> None:
    history = History(most)
    for second in range(count):
        history.add((float(second), second, 0, 0))
    points = history.points((float(count), count, 0, 0))
    assert len(points) <= most
    seconds = [point[0] for point in points]
    assert seconds == sorted(set(seconds))
    assert seconds[-1] == count
    if count:
        assert seconds[0] == 0
        steps = {b - a for a, b in pairwise(seconds[:-1])}
        assert len(steps) <= 1, "but for the last, points are equally far apart"
        assert len(points) >= min(count, most // 2)
