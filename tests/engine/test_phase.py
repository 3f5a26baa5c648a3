from __future__ import annotations

import asyncio
import os
import shutil
import signal
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.engine import lab
from tests.engine.lab import (
    QUICK,
    PhaseStatus,
    Steps,
    Transport,
    expected,
    files_of,
    phase_status,
    rows_of,
    run,
    write_input,
)
from tsdg.engine.events import PhaseEvent
from tsdg.engine.owner import Owner
from tsdg.engine.phase import is_complete, pending_units
from tsdg.errors import RunConflictError, StoppedError, StorageError, VerificationError
from tsdg.protocols import Ask, Reply, Request


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "phase"


def hold(directory: Path, index: int, owner: Owner) -> Path:
    """A lease of somebody else."""
    leases = directory / "leases"
    leases.mkdir(parents=True, exist_ok=True)
    path = leases / f"unit-{index:06d}.g0"
    path.write_bytes(owner.to_bytes())
    return path


def elsewhere() -> Owner:
    return replace(Owner.current(), host="elsewhere", boot="another")


async def test_every_row_is_done_once_in_order_and_nothing_else_is_left(
    tmp_path: Path, directory: Path
) -> None:
    source = write_input(tmp_path / "in.parquet", rows=250, unit_rows=70)
    transport = Transport()
    events: list[PhaseEvent] = []
    result = await run(source, directory, transport, events=events, max_in_flight=20)
    assert rows_of(directory) == expected(250)
    assert set(transport.sent.values()) == {1}
    assert files_of(directory) == [f"parts/unit-{i:06d}.parquet" for i in range(4)]
    assert result.requests_done == 750
    assert (result.prompt_tokens, result.completion_tokens) == (2250, 1500)
    assert (result.rows_done, result.rows_total, result.units_committed) == (250, 250, 4)
    assert (result.retries, result.resumed_requests, result.failures) == (0, 0, {})
    last = events[-1]
    assert (last.rows_done, last.rows_total, last.requests_done, last.in_flight) == (
        250,
        250,
        750,
        0,
    )
    done = [event.rows_done for event in events]
    assert done == sorted(done)


@pytest.mark.parametrize("rows", [0, 1])
async def test_the_smallest_inputs(tmp_path: Path, directory: Path, rows: int) -> None:
    source = tmp_path / "in.parquet"
    schema = pa.schema([("input_id", pa.string())])
    with pq.ParquetWriter(source, schema) as writer:
        writer.write_table(pa.table({"input_id": [f"row-{i:05d}" for i in range(rows)]}, schema))
    result = await run(source, directory, Transport())
    assert result.rows_total == rows
    assert rows_of(directory) == expected(rows)
    assert is_complete(source, directory)


async def test_a_complete_phase_asks_nothing_and_says_so_before(
    tmp_path: Path, directory: Path
) -> None:
    source = write_input(tmp_path / "in.parquet", rows=20, unit_rows=10)
    assert not is_complete(source, directory)
    assert pending_units(source, directory) == (0, 1)
    await run(source, directory, Transport())
    assert is_complete(source, directory)
    transport = Transport()
    result = await run(source, directory, transport)
    assert transport.sent == Counter()
    assert (result.rows_done, result.units_committed) == (20, 0)


async def test_what_a_process_left_of_committed_units_is_swept(
    tmp_path: Path, directory: Path
) -> None:
    source = write_input(tmp_path / "in.parquet", rows=20, unit_rows=10)
    await run(source, directory, Transport())
    for name in (
        "leases/unit-000001.g0",
        "journal/unit-000001.g0.log",
        "parts/.unit-000000.g0.dead.tmp",
        "leases/.clock-x",
    ):
        (directory / name).write_bytes(b"left")
    await run(source, directory, Transport())
    assert files_of(directory) == ["parts/unit-000000.parquet", "parts/unit-000001.parquet"]


async def test_stop_ends_soon_keeps_everything_and_gives_the_units_back(
    tmp_path: Path, directory: Path
) -> None:
    source = write_input(tmp_path / "in.parquet", rows=300, unit_rows=100)
    stop = asyncio.Event()

    class Half(Transport):
        async def send(self, request: Request) -> Reply:
            if sum(self.sent.values()) >= 400:
                self.latency = 3600.0
                asyncio.get_running_loop().call_later(0.05, stop.set)
            return await super().send(request)

    first = Half()
    began = time.monotonic()
    with pytest.raises(
        StoppedError, match=r"stopped with 1 of 3 units done in .*start again to continue"
    ):
        await run(source, directory, first, stop=stop, max_in_flight=16)
    assert time.monotonic() - began < 30
    assert first.active == 0
    status = phase_status(source, directory)
    assert (status.units, status.committed, status.claimed) == (3, 1, 0)
    second = Transport()
    result = await run(source, directory, second, max_in_flight=16)
    assert rows_of(directory) == expected(300)
    sent = first.sent + second.sent
    assert len(sent) == 900
    assert sum(sent.values()) - 900 <= 16
    assert 0 < result.resumed_requests < 400


async def test_a_step_that_refuses_to_be_cancelled_does_not_hold_up_the_stop(
    tmp_path: Path, directory: Path
) -> None:
    source = write_input(tmp_path / "in.parquet", rows=4, unit_rows=4)
    stop = asyncio.Event()
    end = asyncio.Event()

    async def process(row: Mapping[str, Any], ask: Ask) -> Mapping[str, Any]:
        stop.set()
        while not end.is_set():
            try:
                await end.wait()
            except asyncio.CancelledError:
                continue
        return {}

    with pytest.raises(StoppedError):
        await run(
            source,
            directory,
            Transport(),
            process=process,
            stop=stop,
            timing=replace(QUICK, stop_grace_s=0.2),
        )
    assert phase_status(source, directory).claimed == 0
    end.set()
    await asyncio.sleep(0.05)


async def test_stop_before_the_start_sends_nothing(tmp_path: Path, directory: Path) -> None:
    source = write_input(tmp_path / "in.parquet", rows=4, unit_rows=4)
    stop = asyncio.Event()
    stop.set()
    transport = Transport(latency=0.01)
    with pytest.raises(StoppedError):
        await run(source, directory, transport, stop=stop)
    await run(source, directory, transport)
    assert rows_of(directory) == expected(4)


async def test_a_cancelled_caller_gives_the_units_back_as_well(
    tmp_path: Path, directory: Path
) -> None:
    source = write_input(tmp_path / "in.parquet", rows=4, unit_rows=4)
    transport = Transport(latency=60.0)
    task = asyncio.create_task(run(source, directory, transport))
    while not transport.active:
        await asyncio.sleep(0.01)
    assert phase_status(source, directory) == PhaseStatus(units=1, committed=0, claimed=1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert phase_status(source, directory) == PhaseStatus(units=1, committed=0, claimed=0)
    assert transport.active == 0


async def test_units_held_by_others_are_waited_for_and_taken_when_they_die(
    tmp_path: Path, directory: Path
) -> None:
    source = write_input(tmp_path / "in.parquet", rows=20, unit_rows=10)
    lease = hold(directory, 0, elsewhere())
    task = asyncio.create_task(run(source, directory, Transport()))
    for _ in range(20):  # two lease timeouts
        await asyncio.sleep(0.1)
        os.utime(lease)
    assert not task.done()
    assert phase_status(source, directory) == PhaseStatus(units=2, committed=1, claimed=1)
    result = await task  # no more heartbeats
    assert result.units_committed == 2
    assert rows_of(directory) == expected(20)


async def test_the_unit_of_a_job_that_slurm_knows_to_be_over_is_taken_long_before_its_lease_expires(
    tmp_path: Path, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    squeue = tmp_path / "squeue"
    squeue.write_text(
        '#!/bin/sh\ncase "$*" in *--jobs=17*) echo 17 NODE_FAIL 0;; *) echo 18 RUNNING 0;; esac\n'
    )
    squeue.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("SLURM_CLUSTER_NAME", "dev")
    source = write_input(tmp_path / "in.parquet", rows=20, unit_rows=10)
    hold(directory, 0, replace(elsewhere(), slurm_cluster="dev", slurm_job_id="17"))
    hold(directory, 1, replace(elsewhere(), slurm_cluster="dev", slurm_job_id="18"))
    patient = replace(QUICK, lease_timeout_s=3600.0)
    task = asyncio.create_task(run(source, directory, Transport(), timing=patient))
    while phase_status(source, directory).committed < 1:
        assert not task.done()
        await asyncio.sleep(0.05)
    await asyncio.sleep(3 * patient.confirm_s)
    assert phase_status(source, directory) == PhaseStatus(units=2, committed=1, claimed=1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_unit_that_another_process_commits_ends_the_wait(
    tmp_path: Path, directory: Path
) -> None:
    source = write_input(tmp_path / "in.parquet", rows=20, unit_rows=10)
    other = tmp_path / "other"
    await run(source, other, Transport())
    hold(directory, 1, elsewhere())
    task = asyncio.create_task(
        run(source, directory, Transport(), timing=replace(QUICK, lease_timeout_s=3600.0))
    )
    await asyncio.sleep(0.3)
    assert not task.done()
    shutil.copy(
        other / "parts" / "unit-000001.parquet", directory / "parts" / "unit-000001.parquet"
    )
    result = await task
    assert result.units_committed == 1
    assert rows_of(directory) == expected(20)
    assert files_of(directory) == ["parts/unit-000000.parquet", "parts/unit-000001.parquet"]


async def test_who_is_robbed_drops_the_unit_and_goes_on(tmp_path: Path, directory: Path) -> None:
    source = write_input(tmp_path / "in.parquet", rows=10, unit_rows=10)
    transport = Transport(latency=60.0)
    task = asyncio.create_task(run(source, directory, transport))
    while not transport.active:
        await asyncio.sleep(0.01)
    thief = directory / "leases" / "unit-000000.g1"
    thief.write_bytes(elsewhere().to_bytes())
    while transport.active:
        await asyncio.sleep(0.01)
    assert not task.done()
    transport.latency = 0.0
    os.utime(thief, ns=(0, 0))  # and the thief gives it back
    await task
    assert rows_of(directory) == expected(10)


async def test_another_cut_of_the_input_is_refused(tmp_path: Path, directory: Path) -> None:
    source = write_input(tmp_path / "in.parquet", rows=20, unit_rows=10)
    await run(source, directory, Transport())
    for unit_rows in (5, 20):
        write_input(source, rows=20, unit_rows=unit_rows)
        with pytest.raises(RunConflictError, match=r"made from another input than .*in\.parquet"):
            await run(source, directory, Transport())
        with pytest.raises(RunConflictError):
            is_complete(source, directory)


async def test_a_damaged_part_can_be_deleted_and_made_anew(tmp_path: Path, directory: Path) -> None:
    source = write_input(tmp_path / "in.parquet", rows=20, unit_rows=10)
    await run(source, directory, Transport())
    part = directory / "parts" / "unit-000001.parquet"
    part.write_bytes(part.read_bytes()[:-20])
    with pytest.raises(VerificationError, match="delete it"):
        await run(source, directory, Transport())
    part.unlink()
    await run(source, directory, Transport())
    assert rows_of(directory) == expected(20)


async def test_a_read_only_directory_ends_before_anything_is_sent(
    tmp_path: Path, read_only: Path
) -> None:
    source = write_input(tmp_path / "in.parquet", rows=20, unit_rows=10)
    transport = Transport()
    with pytest.raises(StorageError, match="cannot create the directory") as caught:
        await run(source, read_only / "phase", transport)
    assert "\n" not in str(caught.value)
    assert transport.sent == Counter()


@pytest.mark.parametrize(
    ("text_bytes", "what"), [(600, "parts/.unit-000000"), (3000, "the journal")]
)
async def test_a_full_disk_ends_the_phase_and_loses_nothing(
    tmp_path: Path, small_disk: Path, text_bytes: int, what: str
) -> None:
    source = write_input(tmp_path / "in.parquet", rows=200, unit_rows=200)

    class Long(Transport):
        async def send(self, request: Request) -> Reply:
            await super().send(request)
            return lab.reply(os.urandom(text_bytes // 2).hex())

    first = Long()
    directory = small_disk / "phase"
    with pytest.raises(StorageError, match=rf"cannot write .*{what}.*disk is full") as caught:
        await run(source, directory, first)
    assert "\n" not in str(caught.value)
    assert phase_status(source, directory).claimed == 0
    bigger = tmp_path / "bigger"
    shutil.copytree(directory, bigger, copy_function=shutil.copy2)
    second = Long()
    await run(source, bigger, second)
    assert [row["input_id"] for row in rows_of(bigger)] == [
        row["input_id"] for row in expected(200)
    ]
    sent = first.sent + second.sent
    assert len(sent) == 600
    assert sum(sent.values()) - 600 <= 8


def sent_to(log: Path) -> Counter[str]:
    return Counter(lab.lines_of(log))


def test_kill_9_costs_at_most_the_requests_in_flight(tmp_path: Path, directory: Path) -> None:
    rows, in_flight, kills = 240, 12, 2
    source = write_input(tmp_path / "in.parquet", rows=rows, unit_rows=60)
    log = tmp_path / "sent"
    for number in range(1, kills + 1):
        worker = lab.start_worker(source, directory, log, latency=0.02, in_flight=in_flight)
        lab.wait_for_lines(log, number * 220)
        worker.kill()
        worker.communicate()
    worker = lab.start_worker(source, directory, log, latency=0.0, in_flight=in_flight)
    out, err = worker.communicate(timeout=60)
    assert (worker.returncode, err) == (0, ""), out
    assert rows_of(directory) == expected(rows)
    sent = sent_to(log)
    assert len(sent) == 3 * rows
    assert kills <= sum(sent.values()) - 3 * rows <= kills * in_flight
    assert files_of(directory) == [f"parts/unit-{i:06d}.parquet" for i in range(4)]


def test_four_workers_of_which_two_are_killed(tmp_path: Path, directory: Path) -> None:
    rows, in_flight = 600, 6
    source = write_input(tmp_path / "in.parquet", rows=rows, unit_rows=25)
    logs = [tmp_path / f"sent-{number}" for number in range(4)]
    gate = tmp_path / "all_are_here"
    workers = [
        lab.start_worker(source, directory, log, latency=0.02, in_flight=in_flight, gate=gate)
        for log in logs
    ]
    for log in logs:
        lab.wait_for_lines(log, 1)
    gate.touch()
    for number in (1, 3):
        lab.wait_for_lines(logs[number], 60)
        workers[number].kill()
    for number, worker in enumerate(workers):
        _, err = worker.communicate(timeout=60)
        assert (worker.returncode, err) == (-signal.SIGKILL if number in (1, 3) else 0, "")
    assert rows_of(directory) == expected(rows)
    sent = sum((sent_to(log) for log in logs), Counter[str]())
    assert len(sent) == 3 * rows
    assert sum(sent.values()) - 3 * rows <= 2 * in_flight
    assert files_of(directory) == [f"parts/unit-{i:06d}.parquet" for i in range(24)]


def test_sigterm_hands_the_work_to_the_next_process_at_once(
    tmp_path: Path, directory: Path
) -> None:
    source = write_input(tmp_path / "in.parquet", rows=100, unit_rows=50)
    log = tmp_path / "sent"
    worker = lab.start_worker(source, directory, log, latency=0.05, in_flight=8)
    lab.wait_for_lines(log, 60)
    worker.terminate()
    out, err = worker.communicate(timeout=60)
    assert (worker.returncode, err) == (130, "")
    assert "start again to continue" in out
    worker = lab.start_worker(source, directory, log, latency=0.0, in_flight=8)
    assert worker.communicate(timeout=60) == ("", "")
    assert rows_of(directory) == expected(100)
    assert sum(sent_to(log).values()) - 300 <= 8


def test_a_process_that_was_frozen_and_robbed_does_no_harm_when_it_wakes(
    tmp_path: Path, directory: Path
) -> None:
    source = write_input(tmp_path / "in.parquet", rows=40, unit_rows=40)
    logs = [tmp_path / "sent-0", tmp_path / "sent-1"]
    frozen = lab.start_worker(
        source, directory, logs[0], latency=0.05, in_flight=4, lease_timeout_s=2.0
    )
    lab.wait_for_lines(logs[0], 20)
    frozen.send_signal(signal.SIGSTOP)
    other = lab.start_worker(
        source, directory, logs[1], latency=0.05, in_flight=4, lease_timeout_s=2.0
    )
    lab.wait_for_lines(logs[1], 20)
    frozen.send_signal(signal.SIGCONT)
    for worker in (frozen, other):
        out, err = worker.communicate(timeout=60)
        assert (worker.returncode, err) == (0, ""), out
    assert rows_of(directory) == expected(40)
    assert files_of(directory) == ["parts/unit-000000.parquet"]


async def test_memory_does_not_grow_with_the_number_of_rows(
    tmp_path: Path, directory: Path
) -> None:
    source = write_input(tmp_path / "in.parquet", rows=4000, unit_rows=100)
    held = []

    class Watching(Steps):
        async def __call__(self, row: Mapping[str, Any], ask: Ask) -> Mapping[str, Any]:
            outcome = await super().__call__(row, ask)
            number = int(row["input_id"][4:])
            if number % 500 == 499:
                held.append(len(list((directory / "leases").iterdir())))
            return outcome

    await run(source, directory, Transport(), process=Watching(), max_in_flight=16)
    assert held
    assert max(held) <= 3
    assert len(rows_of(directory)) == 4000


@pytest.mark.parametrize(("most", "units"), [(1 << 20, 10), (0, 3)])
async def test_rows_that_take_long_keep_no_server_waiting_as_far_as_memory_goes(
    tmp_path: Path, directory: Path, monkeypatch: pytest.MonkeyPatch, most: int, units: int
) -> None:
    monkeypatch.setattr("tsdg.engine.open_unit._BYTES_HELD", most)
    source = write_input(tmp_path / "in.parquet", rows=200, unit_rows=20)
    gate, done, held = asyncio.Event(), [], []

    class Long(Steps):
        """The first row of each unit ends when the others of as many units as may be have."""

        async def __call__(self, row: Mapping[str, Any], ask: Ask) -> Mapping[str, Any]:
            outcome = await super().__call__(row, ask)
            if int(row["input_id"][4:]) % 20 == 0:
                await gate.wait()
                return outcome
            done.append(row)
            if len(done) == 19 * units:
                held.append(len(list((directory / "leases").iterdir())))
                gate.set()
            return outcome

    async with asyncio.timeout(30):
        await run(source, directory, Transport(), process=Long(), max_in_flight=16)
    assert held == [units]
    assert rows_of(directory) == expected(200)
