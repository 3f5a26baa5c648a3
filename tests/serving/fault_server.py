"""A chat-completions server that fails on demand, also as ``vllm serve``. A program.

As ``fault_server.py serve MODEL --host H --port P ...`` it has vLLM's shape: an API server, an
engine process without which no token is made, and a worker of the engine in a session of its own.
Like vLLM's they outlive a killed API server, and /health and /metrics stay at 200 while the engine
is stopped.

What it does wrong:

- ``FAULT_STARTS``: comma-separated, one word per start, the last one for all further starts:
  ``ok``, ``oom`` (ends with a chain of exceptions like vLLM's), ``usage`` (ends with exit code 2),
  ``silent`` (exit 1 without a word), ``deaf`` (never listens), ``mute`` (/health is well, every
  POST fails), ``untemplated`` (every POST is refused with 400), ``bind`` (ends with "address
  already in use").
- ``FAULT_STATE``: a folder where ``starts`` (one line per start) and ``pids`` (role and pid) are
  written.
- ``--nnodes N``, ``--node-rank R`` and ``--headless`` make it one of several ranks: rank 0 serves
  once all others have connected to ``--master-port``, and makes no token once one of them is gone;
  a headless rank notes its pid as ``rank`` and lives on when rank 0 is gone, as vLLM's do.
- ``FAULT_ALWAYS``: what every request meets, as a last message would say without its ``!``.
- ``FAULT_STUBBORN=1``: engine and worker ignore SIGTERM. ``FAULT_KEY``: the bearer token that is
  asked for.
- per request: a last message ``!NAME`` or ``!NAME:ARGUMENT``, with ``*N`` for the first N times
  that this very message comes; see ``answer``.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import contextlib
import itertools
import json
import mmap
import multiprocessing
import os
import select
import signal
import socket
import subprocess
import sys
import time
import zlib
from pathlib import Path
from typing import Any

STATE = Path(os.environ["FAULT_STATE"]) if "FAULT_STATE" in os.environ else None

OUT_OF_MEMORY = """\
(EngineCore_DP0 pid=77) ERROR 11-21 12:00:01 [core.py:842] EngineCore failed to start.
(EngineCore_DP0 pid=77) ERROR 11-21 12:00:01 [core.py:842] Traceback (most recent call last):
(EngineCore_DP0 pid=77) ERROR 11-21 12:00:01 [core.py:842]   File "/x/core.py", line 1, in run
(EngineCore_DP0 pid=77) ERROR 11-21 12:00:01 [core.py:842] \
ValueError: No available memory for the cache blocks.
(APIServer pid=70) Traceback (most recent call last):
(APIServer pid=70)   File "/x/api_server.py", line 1, in <module>
(APIServer pid=70) RuntimeError: Engine core initialization failed. See root cause above. \
Failed core proc(s): {}
"""


def note(name: str, line: str) -> None:
    if STATE is not None:
        with (STATE / name).open("a") as file:
            file.write(line + "\n")


def engine() -> None:
    """Echo one line per token; outlive everybody."""
    if os.environ.get("FAULT_STUBBORN"):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    note("pids", f"engine {os.getpid()}")
    segment = Path(f"/dev/shm/tsdg_fault_{os.getpid()}")
    segment.write_bytes(b"x" * 4096)
    with segment.open("r+b") as file:
        memory = mmap.mmap(file.fileno(), 4096)
    note("segments", str(segment))
    # Removed by Python's resource tracker, where that is given the time.
    semaphore = multiprocessing.get_context("spawn").Semaphore()
    note("segments", f"/dev/shm/sem.{semaphore._semlock.name.lstrip('/')}")  # type: ignore[attr-defined]
    worker = subprocess.Popen(
        [sys.executable, __file__, "worker"], start_new_session=True, stdin=subprocess.DEVNULL
    )
    for line in sys.stdin:
        print(line, end="", flush=True)
    while worker and memory and semaphore:
        time.sleep(60)


def worker() -> None:
    if os.environ.get("FAULT_STUBBORN"):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    note("pids", f"worker {os.getpid()}")
    while True:
        time.sleep(60)


class Server:
    """The API server."""

    def __init__(self, model: str, start: str) -> None:
        self.model = model
        self.start = start
        self.engine: asyncio.subprocess.Process | None = None
        self.lock = asyncio.Lock()
        self.running = 0
        self.tokens = 0
        self.seen: collections.Counter[str] = collections.Counter()
        self.posts = 0
        self.ranks: list[socket.socket] = []

    async def token(self) -> bool:
        """Make one token; False when the engine is gone."""
        for rank in self.ranks:  # a collective with a rank that is gone never ends
            while select.select([rank], [], [], 0)[0]:
                self.running += 1
                await asyncio.sleep(3600)
        if self.engine is None:
            return True
        assert self.engine.stdin is not None
        assert self.engine.stdout is not None
        self.running += 1
        try:
            async with self.lock:
                self.engine.stdin.write(b"token\n")
                await self.engine.stdin.drain()
                made = await self.engine.stdout.readline()
        except ConnectionError:
            made = b""
        finally:
            self.running -= 1
        self.tokens += bool(made)
        return bool(made)

    async def chat(self, request: Any) -> Any:
        from aiohttp import web

        body = await request.json()
        said = body["messages"][-1]["content"]
        if self.start == "mute":
            return web.json_response({"error": {"message": "mute"}}, status=500)
        if self.start == "untemplated":
            return web.json_response(
                {"error": {"message": "the tokenizer has no chat template"}}, status=400
            )
        if (
            "FAULT_KEY" in os.environ
            and request.headers.get("Authorization") != f"Bearer {os.environ['FAULT_KEY']}"
        ):
            sent = request.headers.get("Authorization", "none")
            return web.json_response({"error": {"message": f"incorrect key: {sent}"}}, status=401)
        if body["model"] != self.model:
            return web.json_response(
                {"error": {"message": f"model {body['model']} does not exist"}}, status=404
            )
        self.seen[said] += 1
        name, argument, times = "", "", 0
        if always := os.environ.get("FAULT_ALWAYS", ""):
            word, _, count = always.partition("*")
            name, _, argument = word.partition(":")
            self.posts += 1
            return await self.answer(
                request, body, name if self.posts <= int(count or 10**9) else "", argument
            )
        if said.startswith("!"):
            word, _, count = said.split()[0][1:].partition("*")
            name, _, argument = word.partition(":")
            times = int(count or 10**9)
        return await self.answer(request, body, name if self.seen[said] <= times else "", argument)

    async def answer(self, request: Any, body: dict[str, Any], name: str, argument: str) -> Any:
        from aiohttp import web

        message: dict[str, Any] = {
            "role": "assistant",
            "content": f"echo {body['messages'][-1]['content']}",
        }
        n = body.get("n", 1)
        if name.isdigit():
            headers = {"Retry-After": argument} if argument else {}
            return web.json_response(
                {"error": {"message": f"told to say {name}"}}, status=int(name), headers=headers
            )
        if name == "toolong":
            text = (
                "This model's maximum context length is 64 tokens. "
                "However, you requested 99 tokens."
            )
            return web.json_response({"error": {"message": text, "code": 400}}, status=400)
        if name == "quota":
            error = {"message": "You exceeded your current quota.", "code": "insufficient_quota"}
            return web.json_response({"error": error}, status=429)
        if name == "crash":
            print(
                "RuntimeError: CUDA error: an illegal memory access was encountered",
                file=sys.stderr,
                flush=True,
            )
            os._exit(1)
        if name == "drop":
            request.transport.abort()
            return web.Response()
        if name == "cut":
            response = web.StreamResponse(headers={"Content-Length": "1000"})
            await response.prepare(request)
            await response.write(b'{"choices": [')
            request.transport.abort()
            return response
        if name == "html":
            return web.Response(text="<html>proxy</html>", content_type="text/html")
        if name == "truncated":
            return web.Response(
                text='{"choices": [{"message": {"content": "half', content_type="application/json"
            )
        if name == "schema":
            return web.json_response({"object": "error", "message": "no choices here"})
        if name == "null":
            message = {"role": "assistant", "content": None, argument: "thought"}
        if name in ("endless", "bomb"):
            packed = {"Content-Encoding": "gzip"} if name == "bomb" else {}
            response = web.StreamResponse(headers=packed)
            await response.prepare(request)
            piece = zlib.compress(bytes(2**24), wbits=31) if packed else b" " * 2**16
            with contextlib.suppress(ConnectionError):
                while True:
                    await response.write(piece)
            return response
        if name == "slow":
            await asyncio.sleep(float(argument))
        if name == "slow-each":  # n completions take n times as long
            await asyncio.sleep(float(argument) * n)
            message["content"] += f" seed {body.get('seed')}"
        if not await self.token():
            asyncio.get_running_loop().call_later(0.3, os._exit, 1)
            return web.json_response(
                {"error": {"message": "EngineCore encountered an issue."}}, status=500
            )
        choices = [{"index": i, "message": message, "finish_reason": "stop"} for i in range(n)]
        choices.reverse()  # the order is not promised
        if name == "fewer":
            choices.pop()
        usage = {"prompt_tokens": 7, "completion_tokens": 3 * n}
        reply = {"choices": choices, "usage": None if name == "unused" else usage}
        headers = {"X-Server": str(os.getpid())}
        return web.json_response(reply, headers=headers)

    async def health(self, request: Any) -> Any:
        from aiohttp import web

        return web.Response(
            status=503 if self.engine and self.engine.returncode is not None else 200
        )

    async def metrics(self, request: Any) -> Any:
        from aiohttp import web

        label = f'{{engine="0",model_name="{self.model}"}}'
        lines = [
            "# TYPE vllm:num_requests_running gauge",
            f"vllm:num_requests_running{label} {float(self.running)}",
            f"vllm:num_requests_waiting{label} 0.0",
            f"vllm:generation_tokens_total{label} {float(self.tokens)}",
            f"vllm:prompt_tokens_total{label} {float(self.tokens * 7)}",
            f"vllm:kv_cache_usage_perc{label} 0.25",
        ]
        return web.Response(text="\n".join(lines) + "\n")

    async def serve(self, host: str, port: int, port_file: str, with_engine: bool) -> None:
        from aiohttp import web

        if with_engine:
            self.engine = await asyncio.create_subprocess_exec(
                sys.executable, __file__, "engine", stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
        app = web.Application(client_max_size=1 << 28)
        app.router.add_post("/v1/chat/completions", self.chat)
        app.router.add_get("/health", self.health)
        app.router.add_get("/metrics", self.metrics)
        app.router.add_get("/v1/models", self.models)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, host, port, reuse_address=True)
        await site.start()
        if port_file:
            Path(port_file + ".part").write_text(str(runner.addresses[0][1]))
            Path(port_file + ".part").rename(port_file)
        stop = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        await stop.wait()
        if self.engine is not None and self.engine.returncode is None:
            self.engine.terminate()

    async def models(self, request: Any) -> Any:
        from aiohttp import web

        if (
            "FAULT_KEY" in os.environ
            and request.headers.get("Authorization") != f"Bearer {os.environ['FAULT_KEY']}"
        ):
            return web.json_response({}, status=401)
        return web.json_response({"data": [{"id": self.model}]})


def start_number() -> int:
    """Count this start from 0, by exclusive create: two replicas may start at once."""
    if STATE is None:
        return 0
    for number in itertools.count():
        try:
            (STATE / f"start-{number}").touch(exist_ok=False)
        except FileExistsError:
            continue
        return number
    raise AssertionError


def main() -> None:
    if sys.argv[1] == "engine":
        engine()
    elif sys.argv[1] == "worker":
        worker()
    else:
        serve()


def work_for_heads(address: str, port: int) -> None:
    note("pids", f"rank {os.getpid()}")
    for _ in range(600):
        try:
            connection = socket.create_connection((address, port))
            break
        except OSError:
            time.sleep(0.05)
    while connection:
        time.sleep(60)


def wait_for_ranks(address: str, port: int, count: int) -> list[socket.socket]:
    listener = socket.create_server((address, port), reuse_port=False)
    return [listener.accept()[0] for _ in range(count)]


def serve() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("action")
    parser.add_argument("folder")
    parser.add_argument("--served-model-name", default="model")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--port-file", default="")
    parser.add_argument("--no-engine", action="store_true")
    parser.add_argument("--nnodes", type=int, default=1)
    parser.add_argument("--node-rank", type=int, default=0)
    parser.add_argument("--master-addr", default="127.0.0.1")
    parser.add_argument("--master-port", type=int, default=0)
    parser.add_argument("--headless", action="store_true")
    options, rest = parser.parse_known_args()
    print(
        json.dumps(
            {"argv": sys.argv[1:], "rest": rest, "cuda": os.environ.get("CUDA_VISIBLE_DEVICES")}
        ),
        flush=True,
    )
    note("starts", json.dumps(sys.argv[1:]))
    note("pids", f"server {os.getpid()}")
    starts = os.environ.get("FAULT_STARTS", "ok").split(",")
    start = starts[min(start_number(), len(starts) - 1)]
    if start == "oom":
        sys.exit(OUT_OF_MEMORY)
    if start == "usage":
        parser.error("unrecognized arguments: --nonsense")
    if start == "silent":
        os._exit(1)
    if start == "bind":
        sys.exit("OSError: [Errno 98] Address already in use")
    if start == "deaf":
        time.sleep(1000)
    if options.headless:
        work_for_heads(options.master_addr, options.master_port)
    server = Server(options.served_model_name, start)
    if options.nnodes > 1:
        server.ranks = wait_for_ranks(options.master_addr, options.master_port, options.nnodes - 1)
    asyncio.run(server.serve(options.host, options.port, options.port_file, not options.no_engine))


if __name__ == "__main__":
    main()
