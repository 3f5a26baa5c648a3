"""What the engine costs per request, and its memory, with an instant transport.

``python benchmarks/engine.py [--rows 20000] [--samples 4] [--reply-bytes 8000] [--ask-every 1]
[--unit-rows 512] [--processes 1] [--latency 0] [--directory /tmp]``

Everything but the network is real: the input file (rows of the seeds' own schema), leases, journal
(with its fsyncs), accounts, parts. ``--rows 5000000 --samples 1 --reply-bytes 1000 --ask-every 10``
shows the memory at five million rows in minutes: one row in ten asks for a reply. ``--samples 0
--unit-rows 1 --processes 8`` shows what work units cost by themselves, claimed and committed by
eight processes that contend for them. ``--rows 2048 --unit-rows 16 --in-flight 64 --latency 0.5``
shows, with ``--processes 1`` and 4, how far several are sooner than one where replies take their
time.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tsdg.config.recipe import BudgetConfig, EngineConfig
from tsdg.engine.phase import run_phase
from tsdg.engine.phase_job import PhaseJob
from tsdg.protocols import Ask, Choice, Load, ReplicaFacts, Reply, Request
from tsdg.records import SEED_SCHEMA
from tsdg.tables import UNIT_ROWS

SCHEMA = pa.schema([("input_id", pa.string()), ("texts", pa.list_(pa.string()))])
UNITS_OF_GROUP = 16


class InstantTransport:
    """Replies at once, after yielding to the event loop as a real transport does.

    With ``latency`` it replies that many seconds later.
    """

    def __init__(self, text: str, latency: float) -> None:
        self._latency = latency
        self._choices = (Choice(text=text, reasoning="", finish_reason="stop"),)

    async def send(self, request: Request) -> Reply:
        """Reply to anything."""
        await asyncio.sleep(self._latency)
        return Reply(
            choices=self._choices, prompt_tokens=200, completion_tokens=len(request.request_id)
        )

    async def load(self) -> Load:
        """Tell nothing."""
        return Load(replicas=0, running=0, waiting=0, kv_cache_usage=0)

    def replicas(self) -> Sequence[ReplicaFacts]:
        """Have none."""
        return ()


def value(kind: pa.DataType, row: int) -> Any:
    """A value of an Arrow type, of the size that seeds have."""
    if pa.types.is_struct(kind):
        return {field.name: value(field.type, row) for field in kind}
    if pa.types.is_list(kind):
        return [value(kind.value_type, row)] * 4
    if pa.types.is_boolean(kind):
        return row % 2 == 0
    return f"{row} and some words of text" if pa.types.is_string(kind) else row


def write_input(path: Path, rows: int, unit_rows: int) -> None:
    """Write the same seeds into every row group: request ids must differ within a unit only."""
    group_rows = unit_rows * UNITS_OF_GROUP
    schema = SEED_SCHEMA.with_metadata({UNIT_ROWS: str(unit_rows).encode()})
    group = pa.Table.from_pylist(
        [
            {field.name: value(field.type, row) for field in schema}
            for row in range(min(rows, group_rows))
        ],
        schema,
    )
    with pq.ParquetWriter(
        path, schema, compression="zstd", write_page_checksum=True, write_statistics=False
    ) as writer:
        for start in range(0, rows, group_rows):
            writer.write_table(group.slice(0, rows - start))


async def measure(
    directory: Path,
    *,
    samples: int,
    reply_bytes: int,
    in_flight: int,
    ask_every: int,
    latency: float,
) -> dict[str, Any]:
    """Work on one phase and return what this process did and what it cost."""
    count = 0

    async def process(row: Mapping[str, Any], ask: Ask) -> Mapping[str, Any]:
        nonlocal count
        count += 1
        texts = []
        for sample in range(samples if count % ask_every == 0 else 0):
            request = Request(
                request_id=f"{row['seed_id']}/{sample}", body={}, prefix="", expected_tokens=1
            )
            texts.append((await ask(request)).choices[0].text[:64])
        return {"input_id": row["seed_id"], "texts": texts}

    config = EngineConfig(unit_rows=1, max_in_flight=in_flight, attempts=3, request_timeout_s=600)
    wall, cpu = time.perf_counter(), time.process_time()
    result = await run_phase(
        PhaseJob(
            input_path=directory / "input.parquet",
            directory=directory / "phase",
            process=process,
            transport=InstantTransport("x" * reply_bytes, latency),
            schema=SCHEMA,
            config=config,
            budget=BudgetConfig(retries=0, wall_hours=0, tokens=0, gpu_hours=0),
        ),
        stop=asyncio.Event(),
        on_event=lambda event: None,
        note=print,
    )
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return {
        "wall_s": wall,
        "cpu_s": cpu,
        "requests": result.requests_done,
        "units": result.units_committed,
        "max_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def _measure(directory: Path, values: Mapping[str, Any]) -> dict[str, Any]:
    return asyncio.run(measure(directory, **values))


def summary(rows: int, processes: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The figures of all processes together."""
    wall = max(one["wall_s"] for one in processes)
    cpu, requests, units = (
        sum(one[name] for one in processes) for name in ("cpu_s", "requests", "units")
    )
    return {
        "rows": rows,
        "units": units,
        "requests": requests,
        "processes": len(processes),
        "wall_s": round(wall, 2),
        "requests_per_s": round(requests / wall),
        "units_per_s": round(units / wall),
        "cpu_ms_per_request": round(1000 * cpu / requests, 3) if requests else None,
        "cpu_ms_per_row": round(1000 * cpu / rows, 3),
        "cpu_ms_per_unit": round(1000 * cpu / units, 3),
        "max_rss_mb": max(one["max_rss_mb"] for one in processes),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--samples", type=int, default=4)
    parser.add_argument("--reply-bytes", type=int, default=8_000)
    parser.add_argument("--in-flight", type=int, default=512)
    parser.add_argument("--ask-every", type=int, default=1)
    parser.add_argument("--unit-rows", type=int, default=512)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--latency", type=float, default=0.0)
    parser.add_argument("--directory", type=Path, default=Path(tempfile.gettempdir()))
    args = parser.parse_args()
    values = {
        name: getattr(args, name)
        for name in ("samples", "reply_bytes", "in_flight", "ask_every", "latency")
    }
    with tempfile.TemporaryDirectory(dir=args.directory) as scratch:
        write_input(Path(scratch) / "input.parquet", args.rows, args.unit_rows)
        if args.processes == 1:
            done = [_measure(Path(scratch), values)]
        else:
            with multiprocessing.get_context("spawn").Pool(args.processes) as pool:
                done = pool.starmap(
                    _measure, [(Path(scratch), values)] * args.processes, chunksize=1
                )
    print(json.dumps(summary(args.rows, done)))


if __name__ == "__main__":
    main()
