"""What a request costs in tsdg and in other clients, with a server that answers at once.

Requests/s and CPU time are measured.

Run: ``python benchmarks/client.py [--peers /tmp/peers/bin/python] [--vllm .venv-server/bin/vllm
    --tokenizer DIR]``

``--peers`` is the Python of a throw-away environment made as ``benchmarks/peers.txt`` says; without
it tsdg is measured beside aiohttp alone. ``vllm bench serve`` is measured where both its options
are given. Every client is one process of its own, one after the other, ``--rounds`` times over, so
that a slow minute of the machine hits all of them. tsdg's figure holds all of its work: input file,
leases, scheduling, journal with its syncs, parts, accounts.

CPU is that of the client's process; the server's, which runs on another core, is not in it. The
last lines are for replies that take 0.5 s, with 512 requests in flight: what is lost there, a GPU
waits for.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
SAMPLES = 4
PEERS = {
    "httpx": 1.0,
    "openai": 1.0,
    "nemo-skills-aiohttp": 1.0,
    "nemo-skills-litellm": 0.5,
    "datatrove": 1.0,
    "data-designer": 0.5,
}
"""Peers, and their share of the requests: the slow ones get fewer."""
FAST_FACTOR = 30
"""tsdg and aiohttp get this many times the requests of the peers, so that the seconds in which the
limit of requests in flight grows weigh as little as they do in a run."""


async def measure_tsdg(url: str, requests: int, in_flight: int, folder: Path) -> dict[str, float]:
    """One phase of ``requests``, four to a row."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    from peer_clients import BODY, cpu_s

    from tsdg.config.compose import compose_recipe
    from tsdg.engine.phase import run_phase
    from tsdg.engine.phase_job import PhaseJob
    from tsdg.protocols import Ask, Request
    from tsdg.serving import open_transport

    recipe = compose_recipe(
        [
            "recipe=demo",
            "server=openai",
            f"server.base_urls=[{url}]",
            f"engine.max_in_flight={in_flight}",
        ]
    )
    schema = pa.schema([("input_id", pa.string()), ("texts", pa.list_(pa.string()))])

    async def process(row: Mapping[str, Any], ask: Ask) -> Mapping[str, Any]:
        async def sample(number: int) -> str:
            request_id = f"{row['input_id']}/{number}"
            body = {**BODY, "seed": number}
            reply = await ask(
                Request(request_id=request_id, body=body, prefix="word", expected_tokens=512)
            )
            return reply.choices[0].text[:64]

        texts = await asyncio.gather(*(sample(number) for number in range(SAMPLES)))
        return {"input_id": row["input_id"], "texts": texts}

    async def run(name: str, rows: int) -> tuple[float, float]:
        source = folder / f"{name}.parquet"
        pq.write_table(
            pa.table({"input_id": [f"row-{i:08d}" for i in range(rows)]}),
            source,
            row_group_size=512,
        )
        async with open_transport(
            server=recipe.server,
            model=recipe.model,
            logs=folder / "logs",
            on_event=lambda event: None,
        ) as transport:
            wall, cpu = time.perf_counter(), cpu_s()
            result = await run_phase(
                PhaseJob(
                    input_path=source,
                    directory=folder / name / "phase",
                    process=process,
                    transport=transport,
                    schema=schema,
                    config=recipe.engine,
                    budget=recipe.budget,
                ),
                stop=asyncio.Event(),
                on_event=lambda event: None,
                note=print,
            )
            wall, cpu = time.perf_counter() - wall, cpu_s() - cpu
        assert result.requests_done == rows * SAMPLES
        return wall, cpu

    await run("warm-up", 2)
    wall, cpu = await run("all", requests // SAMPLES)
    return {"requests": requests // SAMPLES * SAMPLES, "wall_s": wall, "cpu_s": cpu}


@contextlib.contextmanager
def server(latency: float, reply_bytes: int) -> Iterator[str]:
    """The instant server in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        port_file = Path(folder) / "port"
        process = subprocess.Popen(
            [
                sys.executable,
                str(HERE / "instant_server.py"),
                str(port_file),
                f"--latency={latency}",
                f"--reply-bytes={reply_bytes}",
            ]
        )
        try:
            while not port_file.exists():
                assert process.poll() is None, "the server ended at its start"
                time.sleep(0.05)
            yield f"http://127.0.0.1:{port_file.read_text()}/v1"
        finally:
            process.kill()
            process.wait()


def bench_serve(
    vllm: str, tokenizer: str, url: str, requests: int, in_flight: int
) -> dict[str, float]:
    """Run ``vllm bench serve`` and take its own wall time.

    Its CPU time is the difference to a run of a few requests (imports, prompts).
    """

    def run(count: int) -> tuple[float, float]:
        with tempfile.TemporaryDirectory() as folder:
            before = os.times()
            subprocess.run(
                [
                    vllm,
                    "bench",
                    "serve",
                    "--backend=openai-chat",
                    "--endpoint=/v1/chat/completions",
                    f"--base-url={url.removesuffix('/v1')}",
                    "--model=model",
                    f"--tokenizer={tokenizer}",
                    "--dataset-name=random",
                    "--random-input-len=200",
                    "--random-output-len=512",
                    "--disable-tqdm",
                    f"--num-prompts={count}",
                    f"--max-concurrency={in_flight}",
                    "--save-result",
                    f"--result-dir={folder}",
                    "--result-filename=result.json",
                ],
                check=True,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={**os.environ, "HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1"},
            )
            after = os.times()
            duration = json.loads((Path(folder) / "result.json").read_text())["duration"]
            return duration, (after.children_user + after.children_system) - (
                before.children_user + before.children_system
            )

    _, few = run(in_flight)
    wall, cpu = run(in_flight + requests)
    return {
        "requests": in_flight + requests,
        "wall_s": wall,
        "cpu_s": (cpu - few) / requests * (in_flight + requests),
    }


def in_process(python: str, script: str, *arguments: object) -> dict[str, float]:
    """Run one client and read its last line."""
    done = subprocess.run(
        [python, str(HERE / script), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = done.stderr.strip().splitlines()
        raise SystemExit(
            f"{script} {arguments[0]} ended with {done.returncode}: {said[-1] if said else ''}"
        )
    measured: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return measured


def clients(args: argparse.Namespace) -> dict[str, Any]:
    """Name of each client → what runs it with an address and requests in flight."""
    here, many, few = sys.executable, args.requests * FAST_FACTOR, args.requests
    found: dict[str, Any] = {
        "tsdg": lambda url, flight: in_process(here, "client.py", "--measure", url, many, flight),
        "aiohttp": lambda url, flight: in_process(
            here, "peer_clients.py", "aiohttp", url, many, flight
        ),
    }
    if args.peers:
        for name, share in PEERS.items():
            found[name] = lambda url, flight, name=name, share=share: in_process(
                args.peers, "peer_clients.py", name, url, int(few * share), flight
            )
    if args.vllm and args.tokenizer:
        found["vllm bench serve"] = lambda url, flight: bench_serve(
            args.vllm, args.tokenizer, url, few, flight
        )
    return found


def report(title: str, measured: Mapping[str, list[dict[str, float]]]) -> None:
    """One line per client: medians over the rounds."""
    print(f"\n{title}\n{'client':<22}{'CPU ms/request':>16}{'requests/s':>12}{'requests':>10}")
    for name, rounds in measured.items():
        cpu = statistics.median(1000 * one["cpu_s"] / one["requests"] for one in rounds)
        rate = statistics.median(one["requests"] / one["wall_s"] for one in rounds)
        print(f"{name:<22}{cpu:>16.3f}{rate:>12.0f}{rounds[0]['requests']:>10.0f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--measure", nargs=3, metavar=("URL", "REQUESTS", "IN_FLIGHT"), help=argparse.SUPPRESS
    )
    parser.add_argument("--peers", default="", help="Python of the environment of peers.txt")
    parser.add_argument("--vllm", default="")
    parser.add_argument(
        "--tokenizer", default="", help="folder of a model's tokenizer, for vllm bench serve"
    )
    parser.add_argument(
        "--requests",
        type=int,
        default=2_000,
        help="of a peer and round; tsdg and aiohttp get thirty times as many",
    )
    parser.add_argument("--in-flight", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--reply-bytes", type=int, default=8_000)
    parser.add_argument(
        "--directory", type=Path, default=Path(tempfile.gettempdir()), help="for tsdg's files"
    )
    args = parser.parse_args()
    if args.measure:
        url, requests, in_flight = args.measure
        with tempfile.TemporaryDirectory(dir=args.directory) as scratch:
            print(
                json.dumps(
                    asyncio.run(measure_tsdg(url, int(requests), int(in_flight), Path(scratch)))
                )
            )
        return
    print(
        f"load average at the start: {os.getloadavg()[0]:.2f}; cores: {os.cpu_count()}", flush=True
    )
    for title, latency, in_flight, names in (
        (f"answered at once, {args.in_flight} in flight", 0.0, args.in_flight, None),
        ("answered after 0.5 s, 512 in flight", 0.5, 512, {"tsdg", "aiohttp"}),
    ):
        chosen = {
            name: run for name, run in clients(args).items() if names is None or name in names
        }
        measured: dict[str, list[dict[str, float]]] = {name: [] for name in chosen}
        for _ in range(args.rounds):
            for name, run in chosen.items():
                with server(latency, args.reply_bytes) as url:
                    measured[name].append(run(url, in_flight))
        report(title, measured)
        print(f"load average: {os.getloadavg()[0]:.2f}")


if __name__ == "__main__":
    main()
