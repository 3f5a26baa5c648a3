"""What the engine's tests share: inputs, steps, transports that fail on demand, timings.

Also a program: ``python lab.py worker ...`` works on a phase, ``python engine_lab.py claim ...``
claims units.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tsdg import protocols
from tsdg.config.recipe import BudgetConfig, EngineConfig
from tsdg.engine.commit import committed_units, read_parts
from tsdg.engine.events import PhaseEvent, PhaseResult
from tsdg.engine.leases import LeaseBoard, highest_generations, lease_path, look_at
from tsdg.engine.owner import Owner
from tsdg.engine.phase import run_phase
from tsdg.engine.phase_job import PhaseJob
from tsdg.engine.timing import Timing
from tsdg.engine.units import read_layout
from tsdg.errors import PermanentError, StoppedError
from tsdg.protocols import Ask, Choice, Load, ReplicaFacts, Reply, Request
from tsdg.storage import list_names

SCHEMA = pa.schema(
    [
        pa.field("input_id", pa.string(), nullable=False),
        pa.field("texts", pa.list_(pa.string()), nullable=False),
        pa.field("failures", pa.list_(pa.string()), nullable=False),
    ]
)
QUICK = Timing(
    heartbeat_s=0.1,
    lease_timeout_s=1.0,
    poll_s=0.05,
    sync_s=0.1,
    progress_s=0.02,
    backoff_s=0.01,
    backoff_cap_s=0.05,
    waiting_cap_s=0.02,
    report_s=0.2,
    steer_s=0.05,
    budget_s=0.02,
)


NO_CAPS = BudgetConfig(retries=0, wall_hours=0, tokens=0, gpu_hours=0)


def write_input(path: Path, rows: int, unit_rows: int) -> Path:
    table = pa.table({"input_id": [f"row-{i:05d}" for i in range(rows)]})
    pq.write_table(table, path, row_group_size=unit_rows)
    return path


def config(
    *, max_in_flight: int = 8, attempts: int = 3, request_timeout_s: int = 30
) -> EngineConfig:
    return EngineConfig(
        unit_rows=1,
        max_in_flight=max_in_flight,
        attempts=attempts,
        request_timeout_s=request_timeout_s,
    )


def request(request_id: str, expected_tokens: int = 1) -> Request:
    return Request(
        request_id=request_id, body={"id": request_id}, prefix="", expected_tokens=expected_tokens
    )


def reply(text: str) -> Reply:
    choice = Choice(text=text, reasoning="", finish_reason="stop")
    return Reply(choices=(choice,), prompt_tokens=3, completion_tokens=2)


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Steps:
    """Asks for ``samples`` completions of each row, all at once, and then for one more."""

    def __init__(self, samples: int = 2) -> None:
        self.samples = samples
        self.open = 0
        self.most_open = 0

    async def __call__(self, row: Mapping[str, Any], ask: Ask) -> Mapping[str, Any]:
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            name = row["input_id"]
            results = await asyncio.gather(
                *(ask(request(f"{name}/{n}")) for n in range(self.samples)), return_exceptions=True
            )
            results += await asyncio.gather(ask(request(f"{name}/last")), return_exceptions=True)
        finally:
            self.open -= 1
        texts = [r.choices[0].text for r in results if isinstance(r, Reply)]
        failures = [r.reason for r in results if isinstance(r, PermanentError)]
        return {"input_id": name, "texts": texts, "failures": failures}


class Transport:
    """Answers with the request's own id, after ``latency``; ``fault`` may raise in place of it."""

    def __init__(
        self, latency: float = 0.0, fault: Callable[[Request, int], None] | None = None
    ) -> None:
        self.latency = latency
        self.fault = fault
        self.sent: Counter[str] = Counter()
        self.active = 0
        self.most_active = 0

    async def send(self, request: Request) -> Reply:
        self.sent[request.request_id] += 1
        self.active += 1
        self.most_active = max(self.most_active, self.active)
        try:
            await asyncio.sleep(self.latency)
            if self.fault is not None:
                self.fault(request, self.sent[request.request_id])
            return reply(request.request_id)
        finally:
            self.active -= 1

    async def load(self) -> Load:
        return Load(replicas=0, running=0, waiting=0, kv_cache_usage=0)

    def replicas(self) -> Sequence[ReplicaFacts]:
        return ()


class LoggingTransport(Transport):
    """Also writes each request to a file that outlives the process; waits for a file to reply."""

    def __init__(self, log: Path, latency: float, gate: Path) -> None:
        super().__init__(latency)
        self._gate = gate
        self._log = os.open(log, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o644)

    async def send(self, request: Request) -> Reply:
        os.write(self._log, f"{request.request_id}\n".encode())
        while not self._gate.exists():
            await asyncio.sleep(0.01)
        return await super().send(request)

    def close(self) -> None:
        os.close(self._log)


def expected(rows: int, samples: int = 2) -> list[dict[str, Any]]:
    names = [f"row-{i:05d}" for i in range(rows)]
    return [
        {
            "input_id": name,
            "texts": [*(f"{name}/{n}" for n in range(samples)), f"{name}/last"],
            "failures": [],
        }
        for name in names
    ]


def rows_of(directory: Path) -> list[dict[str, Any]]:
    return [row for table in read_parts(directory) for row in table.to_pylist()]


@dataclass(frozen=True, kw_only=True)
class PhaseStatus:
    """State of a phase on disk, in work units."""

    units: int
    committed: int
    claimed: int
    """Not committed, and held by a process that is not known to have ended."""


def phase_status(source: Path, directory: Path) -> PhaseStatus:
    committed, leases = committed_units(directory / "parts"), directory / "leases"
    held = (
        look_at(lease_path(leases, index, generation))
        for index, generation in highest_generations(list_names(leases)).items()
        if index not in committed
    )
    claimed = sum(state is not None and not state.free for state in held)
    return PhaseStatus(units=read_layout(source).units, committed=len(committed), claimed=claimed)


def files_of(directory: Path) -> list[str]:
    """All files of a phase but for the accounts of its workers."""
    files = [path.relative_to(directory) for path in directory.rglob("*") if path.is_file()]
    return sorted(str(path) for path in files if path.parts[0] != "workers")


async def run(
    source: Path,
    directory: Path,
    transport: protocols.Transport,
    *,
    process: protocols.Process | None = None,
    stop: asyncio.Event | None = None,
    events: list[PhaseEvent] | None = None,
    timing: Timing = QUICK,
    budget: BudgetConfig = NO_CAPS,
    accounted: Sequence[ReplicaFacts] = (),
    notes: list[str] | None = None,
    may_leave: bool = False,
    **limits: int,
) -> PhaseResult:
    """One phase in this process."""
    seen: list[PhaseEvent] = [] if events is None else events
    said: list[str] = [] if notes is None else notes
    return await run_phase(
        PhaseJob(
            input_path=source,
            directory=directory,
            process=process or Steps(),
            transport=transport,
            accounted=accounted,
            schema=SCHEMA,
            config=config(**limits),
            budget=budget,
            may_leave=may_leave,
            timing=timing,
        ),
        stop=stop or asyncio.Event(),
        on_event=seen.append,
        note=said.append,
    )


def start_worker(
    source: Path,
    directory: Path,
    log: Path,
    *,
    latency: float,
    in_flight: int,
    lease_timeout_s: float = 60.0,
    gate: Path | None = None,
) -> subprocess.Popen[str]:
    numbers = map(str, (latency, in_flight, lease_timeout_s))
    return subprocess.Popen(
        [sys.executable, __file__, "worker", source, directory, log, gate or source, *numbers],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(condition: Callable[[], bool], what: str, seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds} s in vain for: {what}")
        time.sleep(0.01)


def lines_of(log: Path) -> list[str]:
    return log.read_text().splitlines() if log.exists() else []


def wait_for_lines(log: Path, count: int) -> None:
    """Wait until a worker has sent this many requests."""
    wait_for(lambda: len(lines_of(log)) >= count, f"{count} requests in {log}", seconds=60.0)


async def _work(args: argparse.Namespace) -> int:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    transport = LoggingTransport(args.log, args.latency, args.gate)
    timing = replace(QUICK, lease_timeout_s=args.lease_timeout_s)
    try:
        await run_phase(
            PhaseJob(
                input_path=args.source,
                directory=args.directory,
                process=Steps(),
                transport=transport,
                schema=SCHEMA,
                config=config(max_in_flight=args.in_flight),
                budget=NO_CAPS,
                timing=timing,
            ),
            stop=stop,
            on_event=lambda event: None,
            note=print,
        )
    except StoppedError as error:
        print(error)
        return StoppedError.exit_code
    finally:
        transport.close()
    return 0


def _claim(args: argparse.Namespace) -> int:
    """Wait for the start signal, then claim until nothing is found any more, and print what was
    got."""
    board = LeaseBoard(directory=args.directory, owner=Owner.current(), timing=Timing())
    print("ready", flush=True)
    sys.stdin.readline()
    mine: list[int] = []
    vain = 0
    while vain < 20:  # each looks at some of many leases
        lease = board.claim(index for index in range(args.units) if index not in mine)
        vain = vain + 1 if lease is None else 0
        mine += [lease.index] if lease is not None else []
    print(*mine, flush=True)
    sys.stdin.readline()  # stay alive until all have claimed, or the leases would be free again
    return 0


def main() -> int:
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(required=True)
    worker = commands.add_parser("worker")
    worker.add_argument("source", type=Path)
    worker.add_argument("directory", type=Path)
    worker.add_argument("log", type=Path)
    worker.add_argument("gate", type=Path)
    worker.add_argument("latency", type=float)
    worker.add_argument("in_flight", type=int)
    worker.add_argument("lease_timeout_s", type=float)
    worker.set_defaults(run=lambda args: asyncio.run(_work(args)))
    claim = commands.add_parser("claim")
    claim.add_argument("directory", type=Path)
    claim.add_argument("units", type=int)
    claim.set_defaults(run=_claim)
    args = parser.parse_args()
    return int(args.run(args))


if __name__ == "__main__":
    sys.exit(main())
