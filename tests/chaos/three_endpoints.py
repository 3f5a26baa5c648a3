"""Three endpoints, of which two fail by a random schedule, against the good one alone.

A program: ``python -m tests.chaos.three_endpoints --minutes 60`` works on rows for so long and says
how many were lost, doubled or different, and how many rows per second there were beside those of
the good endpoint alone. ``tests/chaos/test_endpoints.py`` calls it for some seconds.

The first endpoint is good: so many requests at once, each for a fixed time. The second does to all
requests what its mode of the moment says, and the third to a share of them. A mode lasts a second
or some; the modes are what servers and the proxies before them do: 4xx, 5xx, 429, resets, late
replies, replies without end, and for a part of the time nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import json
import multiprocessing
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.engine import lab
from tests.serving.conftest import model_config, server_config
from tsdg.engine.phase import run_phase
from tsdg.engine.phase_job import PhaseJob
from tsdg.engine.timing import Timing
from tsdg.errors import PermanentError
from tsdg.protocols import Ask, Reply, Request
from tsdg.serving import open_transport

MODES = (
    *("ok",) * 4,
    *("400", "401", "403", "404", "409", "413", "422", "429", "500", "502", "503", "504", "529"),
    *("reset", "half", "html", "late", "endless", "silent", "long"),
)
SLOTS, REPLY_S, IN_FLIGHT = 8, 0.1, 64
LIMIT_S, ALONE_S = 10, 120


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a time of work came to."""

    rows: int
    lost: int
    wrong: int
    doubled: int
    seconds: float
    said: Counter[str]

    @property
    def rate(self) -> float:
        """Rows per second."""
        return self.rows / self.seconds


def text_of(body: Mapping[str, Any]) -> str:
    """The reply to a request, whoever gives it."""
    return hashlib.sha256(json.dumps(body["messages"]).encode()).hexdigest()


class Server:
    """One endpoint in a process of its own."""

    def __init__(self, seed: str, share: float, reply_s: float) -> None:
        self._dice, self._share, self._reply_s = random.Random(seed), share, reply_s
        self._mode, self._until = "ok", 0.0
        self._slots = asyncio.Semaphore(SLOTS)

    def mode(self) -> str:
        now = time.monotonic()
        if now >= self._until:
            self._mode = self._dice.choice(MODES)
            self._until = now + self._dice.uniform(0.5, 8.0)
        return self._mode if self._dice.random() < self._share else "ok"

    async def chat(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        mode = self.mode()
        if mode.isdecimal():
            return web.json_response({"error": {"message": f"mode {mode}"}}, status=int(mode))
        if mode == "long":
            said = {"error": {"message": "this prompt is too long: 9000 tokens"}}
            return web.json_response(said, status=400)
        if mode == "reset":
            assert request.transport is not None
            request.transport.abort()
        if mode == "html":
            return web.Response(text="<html>bad gateway</html>")
        if mode == "silent":
            await asyncio.sleep(3600)
        if mode in ("half", "endless"):
            response = web.StreamResponse()
            await response.prepare(request)
            with contextlib.suppress(ConnectionError):
                await response.write(b'{"choices": [')
                while mode == "endless":
                    await response.write(b" " * 1000)
                    await asyncio.sleep(0.05)
            return response
        async with self._slots:
            await asyncio.sleep(self._reply_s)
        if mode == "late":
            await asyncio.sleep(LIMIT_S * 0.8)
        message = {"role": "assistant", "content": text_of(body)}
        choices = [{"index": 0, "finish_reason": "stop", "message": message}]
        usage = {"prompt_tokens": 10, "completion_tokens": 20}
        return web.json_response({"choices": choices, "usage": usage})


async def _serve(seed: str, share: float, reply_s: float, port: Connection) -> None:
    app = web.Application()
    app.router.add_post("/v1/chat/completions", Server(seed, share, reply_s).chat)
    app.router.add_get("/v1/models", lambda request: _models())
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port.send(runner.addresses[0][1])
    await asyncio.Event().wait()


async def _models() -> web.Response:
    return web.json_response({"data": [{"id": "model"}]})


def _process(seed: str, share: float, reply_s: float, port: Connection) -> None:
    asyncio.run(_serve(seed, share, reply_s, port))


@contextlib.contextmanager
def endpoints(*kinds: tuple[str, float], reply_s: float = REPLY_S) -> Iterator[tuple[str, ...]]:
    """Start endpoints, each by its seed and the share of requests that meet its mode."""
    context = multiprocessing.get_context("spawn")
    started, urls = [], []
    for seed, share in kinds:
        ours, theirs = context.Pipe()
        process = context.Process(target=_process, args=(seed, share, reply_s, theirs), daemon=True)
        process.start()
        started.append(process)
        urls.append(f"http://127.0.0.1:{ours.recv()}/v1")
    try:
        yield tuple(urls)
    finally:
        for process in started:
            process.kill()
            process.join()


async def _step(row: Mapping[str, Any], ask: Ask) -> Mapping[str, Any]:
    turns = [{"role": "user", "content": row["input_id"]}]
    request = Request(
        request_id=row["input_id"], body={"messages": turns}, prefix="", expected_tokens=64
    )
    try:
        reply: Reply | PermanentError = await ask(request)
    except PermanentError as failure:
        reply = failure
    lost = isinstance(reply, PermanentError)
    return {
        "input_id": row["input_id"],
        "texts": [] if isinstance(reply, PermanentError) else [reply.choices[0].text],
        "failures": [str(reply)] if lost else [],
    }


async def work(urls: tuple[str, ...], folder: Path, *, rows: int) -> Outcome:
    """Work on so many rows with these endpoints."""
    folder.mkdir()
    source = lab.write_input(folder / "in.parquet", rows=rows, unit_rows=500)
    said: Counter[str] = Counter()
    began = time.monotonic()
    async with open_transport(
        server=server_config(type="openai", command=(), base_urls=urls),
        model=model_config(),
        logs=folder / "logs",
        on_event=lambda event: said.update([event.kind]),
        reply_s=LIMIT_S,
    ) as transport:
        await run_phase(
            PhaseJob(
                input_path=source,
                directory=folder / "phase",
                process=_step,
                transport=transport,
                schema=lab.SCHEMA,
                config=lab.config(max_in_flight=IN_FLIGHT, attempts=5),
                budget=lab.NO_CAPS,
                timing=replace(Timing(), report_s=60.0),
            ),
            stop=asyncio.Event(),
            on_event=lambda event: None,
            note=print,
        )
    seconds = time.monotonic() - began
    found = lab.rows_of(folder / "phase")
    names = [row["input_id"] for row in found]
    right = [
        [text_of({"messages": [{"role": "user", "content": name}]})]
        for name in (f"row-{i:05d}" for i in range(rows))
    ]
    for row in found:
        said.update(failure.split(":")[0] for failure in row["failures"])
    return Outcome(
        rows=rows,
        lost=sum(bool(row["failures"]) for row in found) + rows - len(set(names)),
        wrong=sum(
            row["texts"] != good
            for row, good in zip(found, right, strict=False)
            if not row["failures"]
        ),
        doubled=len(names) - len(set(names)),
        seconds=seconds,
        said=said,
    )


async def storm(
    seconds: float, seed: str, folder: Path, *, reply_s: float = REPLY_S
) -> tuple[Outcome, Outcome]:
    """Work for about so long: the good endpoint alone for a tenth of it, then all three.

    Args:
        reply_s: time that an endpoint takes for a reply; it gives ``SLOTS`` at once.
    """
    full = SLOTS / reply_s
    with endpoints(("good", 0.0), reply_s=reply_s) as urls:
        rows = max(100, round(full * min(seconds / 10, ALONE_S)))
        alone = await work(urls, folder / "alone", rows=rows)
    kinds = (("good", 0.0), (f"{seed}/all", 1.0), (f"{seed}/some", 0.5))
    with endpoints(*kinds, reply_s=reply_s) as urls:
        three = await work(urls, folder / "three", rows=max(100, round(full * seconds)))
    return alone, three


def main() -> int:
    """Rage for so long; 1 where a row is lost, doubled or different, or the throughput poor."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--seed", default=str(random.SystemRandom().randrange(10**9)))
    parser.add_argument("--reply-s", type=float, default=REPLY_S)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tsdg-chaos-") as folder:
        rage = storm(options.minutes * 60, options.seed, Path(folder), reply_s=options.reply_s)
        alone, three = asyncio.run(rage)
    print(f"seed {options.seed}")
    for name, outcome in (("the good endpoint alone", alone), ("all three", three)):
        print(
            f"{name}: {outcome.rows} rows in {outcome.seconds:.0f} s, {outcome.rate:.1f} rows/s; "
            f"lost {outcome.lost}, different {outcome.wrong}, doubled {outcome.doubled}; "
            f"{dict(outcome.said)}"
        )
    print(f"throughput: {three.rate / alone.rate:.0%} of the good one's")
    return int(bool(three.lost or three.wrong or three.doubled or three.rate < 0.9 * alone.rate))


if __name__ == "__main__":
    sys.exit(main())
