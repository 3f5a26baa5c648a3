"""How long GPUs were held by own servers, and how long they were held for nothing, over all starts of a run.

One small file per start, ``logs/serving/<host>-<pid>-<random>.json``, written when the servers are asked for, twice a
minute while they are held, and when they are down::

    {"gpus": 8, "seconds": 5231.4, "idle_gpu_seconds": 1310.2}

So a process that is killed loses half a minute of the account and no more.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import platform
import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tsdg.serving.pool import Endpoint
from tsdg.storage import list_names, make_directory, write_whole

FOLDER = "serving"
BEAT_S = 30.0


@asynccontextmanager
async def held(
    endpoints: tuple[Endpoint, ...],
    *,
    logs: Path,
    beat_s: float = BEAT_S,
    clock: Callable[[], float] = time.monotonic,
) -> AsyncIterator[None]:
    """Keep account of the GPUs of ``endpoints`` for as long as the block lasts; nothing where they have none.

    Args:
        endpoints: one per own server; each knows its GPUs and its busy time.
        logs: the run's folder for logs.
        beat_s: seconds between two writes.
        clock: seconds.

    Raises:
        StorageUnfit: the account cannot be written, at its start or at its end.
    """
    gpus = sum(endpoint.gpus for endpoint in endpoints)
    if not gpus:
        yield
        return
    path = logs / FOLDER / f"{platform.node()}-{os.getpid()}-{secrets.token_hex(4)}.json"
    make_directory(path.parent)
    began = clock()

    def write() -> None:
        seconds = clock() - began
        idle = sum(endpoint.gpus * (seconds - endpoint.tally.seconds()[1]) for endpoint in endpoints)
        account = {"gpus": gpus, "seconds": round(seconds, 1), "idle_gpu_seconds": round(max(idle, 0.0), 1)}
        write_whole(path, json.dumps(account).encode())

    async def beat() -> None:
        while True:
            await asyncio.sleep(beat_s)
            write()

    write()
    beating = asyncio.create_task(beat())
    try:
        yield
    finally:
        beating.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(beating, return_exceptions=True)
        write()


def gpu_hours(logs: Path) -> float:
    """GPUs × hours of all starts; 0 where no own server ran on a GPU."""
    held_s: float = sum(account["gpus"] * account["seconds"] for account in _accounts(logs))
    return round(held_s / 3600, 4)


def idle_gpu_hours(logs: Path) -> float:
    """Of those, the hours in which the GPU's server had no request under way, its boot included."""
    idle_s: float = sum(account["idle_gpu_seconds"] for account in _accounts(logs))
    return round(idle_s / 3600, 4)


def _accounts(logs: Path) -> Iterator[dict[str, Any]]:
    """Those of the folder itself, and of the folders of further models below it."""
    for folder in (logs, *(logs / name for name in list_names(logs) if (logs / name).is_dir())):
        for name in list_names(folder / FOLDER):
            if name.endswith(".json") and not name.startswith("."):
                yield json.loads((folder / FOLDER / name).read_bytes())
