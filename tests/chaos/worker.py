"""A worker of the engine alone, over real HTTP, with short timings, for storms of kills."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from tests.engine.lab import NO_CAPS, QUICK
from tests.serving.conftest import QUICK as PACING
from tsdg.config.compose import compose_recipe
from tsdg.engine.owner import Owner
from tsdg.engine.phase import run_phase
from tsdg.engine.phase_job import PhaseJob
from tsdg.errors import PermanentError, TsdgError
from tsdg.protocols import Ask, Reply, Request
from tsdg.serving import ServerEvent, open_transport

SCHEMA = pa.schema(
    [
        pa.field("input_id", pa.string(), nullable=False),
        pa.field("texts", pa.list_(pa.string()), nullable=False),
    ]
)
SAMPLES = 2
RECIPE = compose_recipe(
    [
        "recipe=demo",
        "server=openai",
        "server.base_urls=[http://127.0.0.1:1/v1]",
        "server.api_key_env=CHAOS_KEY",
    ]
)
ENDPOINT = Path(__file__).with_name("endpoint.py")
OWN = compose_recipe(
    ["recipe=demo", f"server.command=[{sys.executable},{ENDPOINT},serve]", "model.path=owner/model"]
)
MODEL = RECIPE.model.name


def request(name: str) -> Request:
    """The request of that name; its reply depends on nothing else."""
    body = {"messages": [{"role": "user", "content": name}], "seed": 1, "max_tokens": 8}
    return Request(request_id=name, body=body, prefix="", expected_tokens=1)


async def process(row: Mapping[str, Any], ask: Ask) -> Mapping[str, Any]:
    """Ask for some samples at once, and then for one more."""
    name = row["input_id"]
    replies: list[Reply | BaseException] = await asyncio.gather(
        *(ask(request(f"{name}/{number}")) for number in range(SAMPLES)), return_exceptions=True
    )
    replies += await asyncio.gather(ask(request(f"{name}/last")), return_exceptions=True)
    for reply in replies:
        if isinstance(reply, BaseException) and not isinstance(reply, PermanentError):
            raise reply
    texts = [
        reply.choices[0].text if isinstance(reply, Reply) else f"failed: {reply}"
        for reply in replies
    ]
    return {"input_id": name, "texts": texts}


async def work(source: str, directory: str, options: dict[str, Any]) -> int:
    """Work on a phase.

    Args:
        source: the input.
        directory: of the phase.
        options: ``url`` of the endpoint, or ``own``, the environment of own servers, and how many
            ``replicas``; ``in_flight``; ``foreign`` makes this process look like one of another
            host, of which others know only the heartbeat; ``lease_timeout_s``;
            ``request_timeout_s``.
    """
    if options["foreign"]:
        here = Owner.current
        Owner.current = lambda: replace(here(), boot=secrets.token_hex(4))  # type: ignore[method-assign]
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    engine = RECIPE.engine.model_copy(
        update={
            "max_in_flight": options["in_flight"],
            "attempts": 12,
            "request_timeout_s": options["request_timeout_s"],
        }
    )
    if options["own"]:
        server = OWN.server.model_copy(
            update={"env": options["own"], "replicas": options["replicas"]}
        )
    else:
        server = RECIPE.server.model_copy(update={"base_urls": (options["url"],)})
    try:
        async with open_transport(
            server=server,
            model=OWN.model,
            logs=Path(directory) / "logs",
            on_event=lambda event: None,
            reply_s=options["request_timeout_s"],
            pacing=replace(PACING, stall_s=4.0, canary_timeout_s=4.0),
        ) as transport:
            await run_phase(
                PhaseJob(
                    input_path=Path(source),
                    directory=Path(directory),
                    process=process,
                    transport=transport,
                    schema=SCHEMA,
                    config=engine,
                    budget=NO_CAPS,
                    may_leave=True,
                    timing=replace(QUICK, lease_timeout_s=options["lease_timeout_s"]),
                ),
                stop=stop,
                on_event=lambda event: None,
                note=print,
            )
    except TsdgError as error:
        print(f"{os.getpid()}: {error}", flush=True)
        return error.exit_code
    return 0


async def hold(logs: str, overrides: list[str]) -> int:
    """Run own servers until SIGTERM, for workers that are somewhere else."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    recipe = compose_recipe(overrides)

    def say(event: ServerEvent) -> None:
        print(event.kind, flush=True)

    # Each strike comes soon after the server is ready again: they are no failures in a row.
    pacing = replace(PACING, stall_s=10.0, stable_s=0.5)
    async with open_transport(
        server=recipe.server, model=recipe.model, logs=Path(logs), on_event=say, pacing=pacing
    ):
        await stop.wait()
    return 0
