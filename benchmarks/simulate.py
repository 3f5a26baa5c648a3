"""The engine on many GPUs, simulated: its real code on a virtual clock, with simulated servers.

    python benchmarks/simulate.py --elements 8 --replicas 2 --questions 12000

Real are the work units, leases, journals and parts (on the disk of ``--directory``, best one in
memory), the scheduler, the congestion control, the choice of a replica, the standby and what is
handed over. All elements run in one event loop whose clock jumps to the next event, so that hours
pass in minutes.

A server writes at most ``--rate`` tokens a second in all and ``--single`` for one reply; the
defaults are the published figures of gpt-oss-120b on one H100 that plans use
(``recipes/model/gpt-oss-120b.yaml``). It runs what its KV cache holds, ``--most-running`` replies
at most, and the rest queues. Replies have a log-normal length. A question draws votes in rounds of
three, one, one ... up to eight.

Elements start late, one node is slow, and a share of the elements is taken away each hour: half of
these give their work back, the others just vanish. Both come back after some minutes.

Utilisation is what was written, by what the servers that were there could have written between the
first request and the last record. ``kept`` is the same of the replies that count: what was being
written on an element that is taken away is written again. ``utilisation_between`` leaves out the
first and the last twentieth of the questions.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import contextvars
import json
import math
import random
import resource
import statistics
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from itertools import pairwise
from pathlib import Path
from typing import Any

# First, so that the engine's own clocks are the virtual one.
from simulated_servers import (
    SEEN,
    Clock,
    Server,
    ServerKind,
    SimulatedTransport,
    VirtualLoop,
    watch_files,
)

# isort: split
import pyarrow as pa

from tsdg.config.recipe import BudgetConfig, EngineConfig
from tsdg.crew import collect_seldom
from tsdg.engine import leases
from tsdg.engine.phase import run_phase
from tsdg.engine.phase_job import PhaseJob
from tsdg.errors import StoppedError
from tsdg.protocols import Ask, Request
from tsdg.tables import work_table

INPUT = pa.schema([("input_id", pa.string())])
OUTPUT = pa.schema([("input_id", pa.string()), ("votes", pa.int64())])
WHEN = ("in the first twentieth", "between", "in the last twentieth")
"""Of the questions: when something happened."""
NORMAL = statistics.NormalDist()


@dataclass(frozen=True, kw_only=True)
class Row:
    """A question."""

    input_id: str


def drawn(name: str) -> float:
    """A number in (0, 1) that is always the same for a name."""
    number = int.from_bytes(blake2b(name.encode(), digest_size=6).digest())
    return (number + 0.5) / 2**48


def length_of(request_id: str, mean: float, most: int) -> int:
    """Tokens of a reply: log-normal, the mean of many as asked for."""
    sigma = 1.0
    exponent = math.log(mean) - sigma**2 / 2 + sigma * NORMAL.inv_cdf(drawn(request_id))
    return max(20, min(most, round(math.exp(exponent))))


def votes_of(name: str) -> int:
    """Votes until a question is decided."""
    draw = drawn(f"{name} votes")
    return 3 if draw < 0.55 else 4 if draw < 0.75 else 5 if draw < 0.9 else 8


def process_of(args: argparse.Namespace) -> Any:
    """The votes of a question: three at first, then one by one as long as it is open."""

    async def process(row: Mapping[str, Any], ask: Ask) -> Mapping[str, Any]:
        name = row["input_id"]
        wanted = votes_of(name)

        async def vote(number: int) -> None:
            request_id = f"{name}/{number}"
            tokens = length_of(request_id, args.mean_tokens, args.most_tokens)
            await ask(
                Request(
                    request_id=request_id,
                    body={"tokens": tokens},
                    prefix="p",
                    expected_tokens=args.most_tokens,
                )
            )
            if request_id not in SEEN.votes:
                SEEN.votes.add(request_id)
                SEEN.kept += tokens

        await asyncio.gather(*(vote(number) for number in range(3)))
        for number in range(3, wanted):
            await vote(number)
        if name not in SEEN.rows:
            SEEN.rows[name] = Clock.now
            if len(SEEN.rows) in (args.questions // 20, args.questions - args.questions // 20):
                SEEN.look()
        return {"input_id": name, "votes": wanted}

    return process


VANISHED: contextvars.ContextVar[list[bool]] = contextvars.ContextVar("vanished")
"""Of the element at work: whether it vanishes, so that it gives nothing back."""


def let_vanish() -> None:
    """Have elements that vanish keep their leases."""
    release = leases.Lease.release

    def give_back(lease: leases.Lease) -> None:
        if VANISHED.get([False])[0]:
            lease.close()
        else:
            release(lease)

    leases.Lease.release = give_back  # type: ignore[method-assign, assignment]


async def element(number: int, args: argparse.Namespace, directory: Path) -> None:
    """One element: it is started, taken away, and started again, until all is done."""
    draw = random.Random(f"{args.seed}/{number}")
    await asyncio.sleep(draw.uniform(0, args.late_s))
    kind = ServerKind(
        rate=args.rate,
        single=args.single,
        kv_tokens=args.kv_tokens,
        most_running=args.most_running,
    ).slower(args.slow if number == 1 else 1.0)
    while True:
        servers = [Server(kind) for _ in range(args.replicas)]
        transport = SimulatedTransport(servers, f"{number}")
        vanishes = [False]
        VANISHED.set(vanishes)
        stop = asyncio.Event()
        starting = asyncio.create_task(  # noqa: RUF006 - it is cancelled below
            transport.start([draw.uniform(0.5, 1) * args.start_s for _ in servers])
        )
        taken = asyncio.create_task(_take(draw, args, stop, vanishes))
        try:
            await run_phase(
                PhaseJob(
                    input_path=directory / "input.parquet",
                    directory=directory / "phase",
                    process=process_of(args),
                    transport=transport,
                    schema=OUTPUT,
                    config=EngineConfig(
                        unit_rows=1,
                        max_in_flight=args.max_in_flight,
                        attempts=5,
                        request_timeout_s="auto",
                    ),
                    budget=BudgetConfig(retries=0, wall_hours=0, tokens=0, gpu_hours=0, max_lost=1),
                    may_leave=True,
                ),
                stop=stop,
                on_event=lambda event: None,
                note=print,
            )
            return
        except StoppedError:
            SEEN.taken["vanished" if vanishes[0] else "gave back"] += 1
        finally:
            starting.cancel()
            taken.cancel()
            transport.end()
        await asyncio.sleep(args.away_s)


async def _take(
    draw: random.Random, args: argparse.Namespace, stop: asyncio.Event, vanishes: list[bool]
) -> None:
    if args.taken_per_hour:
        await asyncio.sleep(draw.expovariate(args.taken_per_hour / 3600))
        vanishes[0] = draw.random() < 0.5
        stop.set()


def calls_per_s(last: float) -> dict[str, dict[str, float]]:
    """Calls of the shared file system each second, by when they were made."""
    times = [SEEN.first, *(moment.at for moment in SEEN.looks[:2]), last]
    names = sorted({name for _, name in SEEN.calls})
    return {
        when: {
            name: round(SEEN.calls[number, name] / (after - before), 2)
            for name in names
            if SEEN.calls[number, name]
        }
        for number, (when, (before, after)) in enumerate(zip(WHEN, pairwise(times), strict=True))
    }


async def simulate(args: argparse.Namespace, directory: Path) -> dict[str, Any]:
    """Run all elements to the end of the phase."""
    await asyncio.gather(*(element(n, args, directory) for n in range(args.elements)))
    ends = sorted(SEEN.rows.values())
    last, (early, late) = ends[-1], SEEN.looks[:2]
    tail = last - ends[math.ceil(0.99 * len(ends)) - 1]
    span = last - SEEN.first
    return {
        "elements": args.elements,
        "replicas": args.replicas * args.elements,
        "questions": args.questions,
        "votes": len(SEEN.votes),
        "virtual_s": round(span),
        "utilisation": round(SEEN.written / SEEN.capacity, 4),
        "kept": round(SEEN.kept / SEEN.capacity, 4),
        "utilisation_between": round(
            (late.written - early.written) / (late.possible - early.possible), 4
        ),
        "lost": {
            f"{WHEN[looks]}, {what}": round(tokens / SEEN.capacity, 4)
            for (looks, what), tokens in sorted(SEEN.lost.items())
        },
        "tail_s": round(tail),
        "tail_share": round(tail / span, 4),
        "last_twentieth_s": round(last - late.at),
        "sent_again": SEEN.sent - len(SEEN.votes),
        "taken_away": dict(SEEN.taken),
        "file_calls_per_s": calls_per_s(last),
        "cpu_s": round(time.process_time(), 1),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def arguments() -> argparse.Namespace:
    """Of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--elements", type=int, default=8)
    parser.add_argument("--replicas", type=int, default=2, help="of each element")
    parser.add_argument("--questions", type=int, default=12_000)
    parser.add_argument("--unit-rows", type=int, default=512)
    parser.add_argument("--rate", type=float, default=4_879.0, help="tokens/s of a server")
    parser.add_argument("--single", type=float, default=150.0, help="tokens/s of one reply")
    parser.add_argument("--slow", type=float, default=0.4, help="how fast the slow element is")
    parser.add_argument("--kv-tokens", type=int, default=400_000, help="a server's cache")
    parser.add_argument("--most-running", type=int, default=512, help="replies in a batch")
    parser.add_argument("--max-in-flight", type=int, default=2048, help="engine.max_in_flight")
    parser.add_argument("--mean-tokens", type=float, default=1_050.0)
    parser.add_argument("--most-tokens", type=int, default=12_288)
    parser.add_argument("--late-s", type=float, default=300.0, help="in which elements begin")
    parser.add_argument("--start-s", type=float, default=240.0, help="that a server needs")
    parser.add_argument("--away-s", type=float, default=300.0, help="until one comes back")
    parser.add_argument("--taken-per-hour", type=float, default=0.1, help="share of the elements")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--directory", type=Path, default=Path("/dev/shm"))
    return parser.parse_args()


def main() -> None:
    args = arguments()
    collect_seldom()
    with contextlib.ExitStack() as held:
        folder = Path(held.enter_context(tempfile.TemporaryDirectory(dir=args.directory)))
        with work_table(folder / "input.parquet", INPUT, unit_rows=args.unit_rows) as table:
            for number in range(args.questions):
                table.add(Row(input_id=f"q{number}"))
        watch_files(folder)
        let_vanish()
        loop = VirtualLoop()
        print(json.dumps(loop.run_until_complete(simulate(args, folder)), indent=1))


if __name__ == "__main__":
    main()
