"""The same promises with the real vLLM (CPU build) and a tiny random model."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from tests.serving.conftest import Watched, model_config, request, runs, server_config, until
from tests.serving.test_node_servers import persist
from tsdg.config.models import ModelConfig, ServerConfig
from tsdg.errors import PermanentError, ServerError
from tsdg.serving import PACING, open_transport
from tsdg.serving.client import RoutingClient

ROOT = Path(__file__).resolve().parents[2]
VLLM = Path(os.environ.get("TSDG_VLLM", ROOT / ".venv-server" / "bin" / "vllm"))
COLOURS = ["red", "green", "blue"]
PATIENT = replace(
    PACING, poll_s=0.5, stall_s=8.0, idle_s=5.0, canary_timeout_s=8.0, look_timeout_s=5.0
)

pytestmark = pytest.mark.server


def parts(tiny: Path) -> tuple[ServerConfig, ModelConfig]:
    flags = {
        "enforce-eager": True,
        "enable-chunked-prefill": False,
        "max-num-batched-tokens": 512,
        "structured-outputs-config": '{"backend":"xgrammar","disable_any_whitespace":true}',
    }
    env = {"HF_HUB_OFFLINE": "1", "VLLM_CPU_KVCACHE_SPACE": "1"}
    server = server_config(command=(str(VLLM), "serve"), start_timeout_s=300, flags=flags, env=env)
    return server, model_config(name="tiny", path=str(tiny), max_model_len=512)


@contextlib.asynccontextmanager
async def served(watched: Watched, tiny: Path) -> AsyncIterator[RoutingClient]:
    server, model = parts(tiny)
    async with open_transport(
        server=server,
        model=model,
        logs=watched.logs,
        on_event=watched.events.append,
        pacing=PATIENT,
    ) as client:
        await persist(client, "warm up")
        yield client


def processes(parent: int) -> list[psutil.Process]:
    """The supervisor, the server and all that it started."""
    supervisors = [child for child in psutil.Process(parent).children() if _is_supervisor(child)]
    return [
        *supervisors,
        *(process for supervisor in supervisors for process in supervisor.children(recursive=True)),
    ]


def _is_supervisor(process: psutil.Process) -> bool:
    try:
        return any(word.endswith("/supervisor.py") for word in process.cmdline())
    except psutil.ZombieProcess:
        return False


def shared(found: list[psutil.Process]) -> set[Path]:
    """The files of shared memory that these have mapped."""
    paths = {Path(memory.path) for process in found for memory in process.memory_maps()}
    return {path for path in paths if path.is_relative_to("/dev/shm")}


def engine_of(parent: int) -> psutil.Process:
    (engine,) = (process for process in processes(parent) if "Engine" in process.name())
    return engine


async def test_structured_requests_crash_hang_and_stop(watched: Watched, tiny: Path) -> None:
    """One start tests the reply's form; killing and stopping the engine each bring another."""
    async with served(watched, tiny) as client:
        schema = {
            "type": "object",
            "properties": {"colour": {"enum": COLOURS}, "n": {"type": "integer", "maximum": 9}},
            "required": ["colour"],
            "additionalProperties": False,
        }
        asked = request(
            "Which?",
            n=3,
            max_tokens=64,
            seed=1,
            response_format={
                "type": "json_schema",
                "json_schema": {"name": "answer", "schema": schema},
            },
        )
        reply = await client.send(asked)
        assert all(json.loads(choice.text)["colour"] in COLOURS for choice in reply.choices)
        assert len(reply.choices) == 3
        assert reply.prompt_tokens > 0
        assert reply.completion_tokens > 3
        with pytest.raises(PermanentError) as caught:
            await client.send(request("x" * 2000))
        assert caught.value.reason == "too_long"
        load = await client.load()
        assert (load.replicas, load.running) == (1, 0)

        for number in (signal.SIGKILL, signal.SIGSTOP):
            old = processes(os.getpid())
            engine_of(os.getpid()).send_signal(number)
            began = time.monotonic()
            await persist(client, "after")
            assert time.monotonic() - began < 240
            assert not any(runs(process.pid) for process in old)
        last = processes(os.getpid())
        assert len(last) >= 3
        memory = shared(last)
        assert memory
        began = time.monotonic()
    assert time.monotonic() - began < 5
    assert not any(runs(process.pid) for process in last)
    assert watched.kinds() == [
        "starting",
        "ready",
        *["restarting", "starting", "ready"] * 2,
        "stopped",
    ]
    assert not any(path.exists() for path in memory)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
async def test_nothing_is_left_when_the_run_ends(
    watched: Watched, tiny: Path, tmp_path: Path, number: signal.Signals
) -> None:
    code = f"""
import asyncio
from pathlib import Path
from tests.serving.conftest import Watched
from tests.serving.test_real_vllm import served
async def main():
    watched = Watched(state=Path({str(tmp_path)!r}), logs=Path({str(watched.logs)!r}))
    async with served(watched, Path({str(tiny)!r})):
        print("ready", flush=True)
        await asyncio.sleep(600)
asyncio.run(main())
"""
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    run = subprocess.Popen(
        [sys.executable, "-c", code], env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert run.stdout is not None
    assert await asyncio.to_thread(run.stdout.readline) == b"ready\n"
    all_of_it = processes(run.pid)
    assert len(all_of_it) >= 3
    memory = shared(all_of_it)
    assert memory
    run.send_signal(number)
    began = time.monotonic()
    await until(lambda: not any(runs(process.pid) for process in all_of_it))
    assert time.monotonic() - began < 5
    await asyncio.to_thread(run.communicate)
    assert {path for path in memory if path.exists()} == set()


@pytest.mark.parametrize(
    ("flags", "cause"),
    [
        ({"dtype": "float17"}, "invalid choice: 'float17'|float17"),
        ({"max-model-len": 99999}, "max_model_len|max_position_embeddings"),
    ],
)
async def test_the_real_cause_of_a_failed_start_is_quoted(
    watched: Watched, tiny: Path, flags: dict[str, str | int | bool], cause: str
) -> None:
    server, model = parts(tiny)
    server = server.model_copy(update={"flags": server.flags | flags})
    pacing = replace(PATIENT, start_failures=1)
    async with open_transport(
        server=server, model=model, logs=watched.logs, on_event=watched.events.append, pacing=pacing
    ) as client:
        with pytest.raises(ServerError, match=cause):
            await persist(client, "hello")
