"""A whole small job through tsdg and its peers: same prompts, real server, killed half-way.

    python benchmarks/whole_job.py --mirror DIR --peer datatrove=PYTHON --peer curator=PYTHON ...

``PYTHON`` is that of an environment with the peer (``peers.txt``; one each for distilabel and
curator, which need other versions). tsdg runs first, and the requests that it sends are those of
the others: the questions' phase of ``recipe=demo``, free text instead of JSON. The server is the
demo's vLLM (CPU build) without prefix caching, behind a proxy that counts.

Every job runs twice: undisturbed, and killed with ``kill -9`` (all of its processes) when half of
the replies have come, then started again with the same command. ``lost`` counts the prompts without
a reply at the end, ``again`` the requests beyond one a prompt. CPU and memory are those of the
client's processes alone. Rates mean something only on an idle machine: the load average stands in
the last line.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import math
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from aiohttp import ClientSession, ClientTimeout, TCPConnector, web
from peer_jobs import JOBS, finished

from tsdg.config.compose import compose_recipe
from tsdg.serving import ServerEvent, open_transport

HERE = Path(__file__).parent
SAMPLING = ("model", "messages", "max_tokens", "temperature", "top_p", "seed")
"""What a peer is told of a request."""


@dataclass
class Counted:
    """A proxy's view of one job."""

    asked: list[dict[str, Any]] = field(default_factory=list)
    """Bodies of the requests, in the order in which they came."""
    replied: int = 0
    half: asyncio.Event = field(default_factory=asyncio.Event)
    kill_at: int = 0
    """Replies after which ``half`` is set; 0 for never."""


@contextlib.asynccontextmanager
async def proxy(server: str, counted: list[Counted]) -> AsyncIterator[str]:
    """A server that passes requests on and counts those of the last of ``counted``."""
    async with ClientSession(
        connector=TCPConnector(limit=0), timeout=ClientTimeout(total=None)
    ) as session:

        async def passed_on(request: web.Request) -> web.Response:
            body, job = await request.read(), counted[-1]
            chat = request.path.endswith("/chat/completions")
            if chat:
                job.asked.append(json.loads(body))
            url = server.removesuffix("/v1") + request.path
            async with session.request(
                request.method, url, data=body, headers={"Content-Type": "application/json"}
            ) as reply:
                text = await reply.read()
            if chat:
                job.replied += 1
                if job.replied == job.kill_at:
                    job.half.set()
            return web.Response(status=reply.status, body=text, content_type=reply.content_type)

        app = web.Application(client_max_size=1 << 24)
        app.router.add_route("*", "/{path:.*}", passed_on)
        runner = web.AppRunner(app, handler_cancellation=True)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        try:
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            await runner.cleanup()


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What the processes of a job took."""

    wall_s: float
    cpu_s: float
    peak_mib: float
    hung: bool = False
    """Whether it was still there after five times as long as the undisturbed job took."""


def _tree(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children")
    try:
        below = [int(each) for each in children.read_text().split()]
    except OSError:
        return []
    return [pid, *(each for child in below for each in _tree(child))]


def _seen(pid: int) -> tuple[float, float]:
    """CPU seconds and resident MiB of a process; 0 where it is gone."""
    try:
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0, 0.0
    ticks, page = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
    return (int(words[11]) + int(words[12])) / ticks, int(words[21]) * page / 2**20


async def watched(
    command: list[str], log: Path, stop: asyncio.Event, env: dict[str, str], limit_s: float
) -> Cost:
    """Run a command until it ends, ``stop`` is set or time is up; its processes are then killed."""
    began = time.perf_counter()
    with log.open("ab") as out:
        process = await asyncio.create_subprocess_exec(
            *command, stdout=out, stderr=out, start_new_session=True, env=env
        )
    cpu: dict[int, float] = {}
    peak = 0.0
    ended = asyncio.create_task(process.wait())
    stopped = asyncio.create_task(stop.wait())
    while True:
        seen = {pid: _seen(pid) for pid in _tree(process.pid)}
        cpu |= {pid: max(cpu.get(pid, 0.0), used) for pid, (used, _) in seen.items()}
        peak = max(peak, sum(resident for _, resident in seen.values()))
        done, _ = await asyncio.wait(
            (ended, stopped), timeout=0.1, return_when=asyncio.FIRST_COMPLETED
        )
        hung = not done and time.perf_counter() - began > limit_s
        if stopped in done or hung:
            for pid in _tree(process.pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            await ended
        if done or hung:
            break
    stopped.cancel()
    if not (stop.is_set() or hung) and process.returncode:
        raise SystemExit(f"{command[:3]} ended with {process.returncode}; see {log}")
    wall_s = time.perf_counter() - began
    return Cost(wall_s=wall_s, cpu_s=sum(cpu.values()), peak_mib=peak, hung=hung)


def tsdg_command(args: argparse.Namespace, url: str, folder: Path) -> list[str]:
    """The questions' phase of the demo over as many seeds as there are prompts."""
    return [
        *(sys.executable, "-m", "tsdg", "run", "recipe=demo", "server=openai", "model=endpoint"),
        *(f"server.base_urls=[{url}]", "model.name=SmolLM2-135M-Instruct", "model.licence=none"),
        *("model.max_model_len=8192", f"model.path={args.tokenizer}", "phases=[[questions]]"),
        *("questions.structured=false", f"questions.sampling.max_tokens={args.output}"),
        *(f"engine.max_in_flight={args.in_flight}", f"seeds.mirror={args.mirror}"),
        *(f"seeds.total={args.prompts}", f"output_root={folder}", "run=job"),
    ]


def tsdg_finished(folder: Path) -> list[str]:
    """The rows of a run whose request was answered, whether the reply could be used or not."""
    return [
        row["input_id"]
        for path in sorted(folder.glob("job/questions/parts/*.parquet"))
        for row in pq.read_table(path, columns=["input_id", "rejections"]).to_pylist()
        if all(each["reason"] != "request_failed" for each in row["rejections"])
    ]


async def job(
    name: str, args: argparse.Namespace, url: str, counted: list[Counted], undisturbed_s: float
) -> dict[str, Any]:
    """Run one client's job, and count what came of it.

    Args:
        name: of the client.
        args: of the command line.
        url: the proxy's.
        counted: what the proxy sees, one for each job.
        undisturbed_s: what the job took undisturbed, where it is to be killed now; else 0.
    """
    kill = undisturbed_s > 0
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        command = (
            tsdg_command(args, url, folder)
            if name == "tsdg"
            else [
                *(args.peer[name], str(HERE / "peer_jobs.py")),
                *(name, url, str(args.file), scratch, str(args.in_flight)),
            ]
        )
        env = dict(os.environ)
        if name != "tsdg":
            env.pop("PYTHONPATH", None)  # the peer's environment has its own packages
        counted.append(Counted(kill_at=args.prompts // 2 if kill else 0))
        log = args.logs / f"{name}{'-killed' if kill else ''}.log"
        limit_s = 5 * undisturbed_s if kill else math.inf
        costs = [await watched(command, log, counted[-1].half, env, limit_s)]
        if kill:
            costs.append(await watched(command, log, asyncio.Event(), env, limit_s))
        asked = counted[-1].asked
        if name == "tsdg" and not kill:
            args.file.write_text("".join(_told(number, body) for number, body in enumerate(asked)))
        ids = Counter(tsdg_finished(folder) if name == "tsdg" else finished(folder))
        return {
            "client": name,
            "killed": kill,
            "wall_s": sum(cost.wall_s for cost in costs),
            "cpu_s": sum(cost.cpu_s for cost in costs),
            "peak_mib": max(cost.peak_mib for cost in costs),
            "lost": args.prompts - len(ids),
            "twice": sum(times > 1 for times in ids.values()),
            "again": len(asked) - args.prompts,
            "hung": costs[-1].hung,
        }


def _told(number: int, body: dict[str, Any]) -> str:
    kept = {key: body[key] for key in SAMPLING if key in body}
    return json.dumps({"id": f"row-{number}", **kept}) + "\n"


async def measure(args: argparse.Namespace) -> list[dict[str, Any]]:
    """Start the server and run all jobs, one after the other."""
    recipe = compose_recipe(["recipe=demo", "+server.flags.enable-prefix-caching=false"])
    ready: asyncio.Queue[str] = asyncio.Queue()

    def on_event(event: ServerEvent) -> None:
        if event.kind == "ready":
            ready.put_nowait(event.url)

    counted = [Counted()]
    found: list[dict[str, Any]] = []
    async with (
        open_transport(
            server=recipe.server, model=recipe.model, logs=args.logs, on_event=on_event
        ) as _,
        proxy(await ready.get(), counted) as url,
    ):
        for name in ("tsdg", *args.peer):
            undisturbed_s = 0.0
            for _ in range(2):
                found.append(await job(name, args, url, counted, undisturbed_s))
                undisturbed_s = found[-1]["wall_s"]
                print(_line(found[-1], args.prompts), flush=True)
    return found


def _line(row: dict[str, Any], prompts: int) -> str:
    how = "killed half-way" if row["killed"] else "undisturbed"
    return (
        f"{row['client']:<14} {how:<16} {prompts / row['wall_s'] * 3600:>7.0f} prompts/h "
        f"{row['cpu_s']:>7.1f} s CPU {row['peak_mib']:>6.0f} MiB   lost {row['lost']:>3}   "
        f"twice {row['twice']:>3}   asked again {row['again']:>3}{'   hung' * row['hung']}"
    )


def _peer(text: str) -> tuple[str, str]:
    name, _, python = text.partition("=")
    if name not in JOBS or not Path(python).exists():
        raise argparse.ArgumentTypeError(f"found {text!r}, allowed: {', '.join(JOBS)}=PYTHON")
    return name, python


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--mirror", type=Path, required=True)
    parser.add_argument("--tokenizer", type=Path, required=True, help="folder of a tokenizer.json")
    parser.add_argument("--peer", type=_peer, action="append", default=[], metavar="NAME=PYTHON")
    parser.add_argument("--prompts", type=int, default=64)
    parser.add_argument("--output", type=int, default=64, help="tokens of a reply at most")
    parser.add_argument("--in-flight", type=int, default=16)
    parser.add_argument("--logs", type=Path, default=Path("whole-job-logs"))
    args = parser.parse_args()
    args.peer = dict(args.peer)
    args.logs.mkdir(parents=True, exist_ok=True)
    args.file = (args.logs / "prompts.jsonl").resolve()
    asyncio.run(measure(args))
    print(f"load average {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
