"""A process that has imported everything and forks workers on demand, cheap to kill.

A program: ``python zygote.py``. It reads orders from standard input, one JSON object a line:

- ``{"call", "arguments", "environment", "log"}``: fork a process that leads a session of its own,
  with its output in ``log``, and answer ``{"started": PID}``.
- ``{"signal", "pid", "group"}``: send a signal to a process or to its whole group.

For each process that has ended it writes ``{"ended": PID, "code": N}`` (negative: the signal). At
the end of its input it kills all that is left. It may run in namespaces of its own: process ids are
those that it sees.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import select
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import aiohttp.web  # noqa: E402
import hydra  # noqa: E402
import pyarrow.parquet  # noqa: E402

import tsdg.cli  # noqa: E402
import tsdg.commands.run  # noqa: E402
import tsdg.commands.verify  # noqa: E402
import tsdg.commands.work  # noqa: E402
import tsdg.package.fsck  # noqa: E402
import tsdg.pipeline.run_stages  # noqa: E402
import tsdg.serving.client  # noqa: E402
import tsdg.serving.external_endpoints  # noqa: E402
import tsdg.serving.node_servers  # noqa: E402
from tests.chaos import contend, endpoint, worker  # noqa: E402

PRELOADED = (aiohttp.web, hydra, pyarrow.parquet)


def cli(*arguments: str) -> int:
    """``tsdg`` with these arguments."""
    return tsdg.cli.run_command(arguments)


CALLS: dict[str, Callable[..., int]] = {
    "tsdg": cli,
    "phase": lambda *arguments: asyncio.run(worker.work(*arguments)),
    "hold": lambda *arguments: asyncio.run(worker.hold(*arguments)),
    "endpoint": lambda *arguments: asyncio.run(endpoint.serve(*arguments)),
    "contend": contend.contend,
}


def child(order: dict[str, Any]) -> None:
    """Run one order to its end; never returns."""
    code = 70
    try:
        os.setsid()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        output = os.open(order["log"], os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o644)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.environ.update(order["environment"])
        code = CALLS[order["call"]](*order["arguments"])
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def deliver(*, signal: int, pid: int, group: bool) -> None:
    """Send a signal to a process that has not been waited for, or to its whole group."""
    try:
        (os.killpg if group else os.kill)(pid, signal)
    except ProcessLookupError:  # it has not made its group yet: it is all there is
        os.kill(pid, signal)


def say(**facts: int) -> None:
    os.write(1, (json.dumps(facts) + "\n").encode())


def main() -> None:
    gc.collect()
    gc.freeze()
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(writing)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the tests to handle
    running: set[int] = set()
    try:
        obey(reading, writing, running)
    finally:
        for pid in running:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)


def obey(reading: int, writing: int, running: set[int]) -> None:
    """Do what standard input says, to its end; ``running`` holds the living children."""
    orders = b""
    while True:
        ready, _, _ = select.select([0, reading], [], [])
        if reading in ready:
            os.read(reading, 4096)
        for pid in list(running):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                running.discard(pid)
                say(ended=pid, code=os.waitstatus_to_exitcode(status))
        if 0 not in ready:
            continue
        data = os.read(0, 1 << 16)
        if not data:
            break
        *lines, orders = (orders + data).split(b"\n")
        for line in lines:
            order = json.loads(line)
            if "signal" in order:
                if order["pid"] in running:
                    deliver(**order)
                continue
            pid = os.fork()
            if not pid:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                os.close(reading)
                os.close(writing)
                child(order)
            running.add(pid)
            say(started=pid)


if __name__ == "__main__":
    main()
