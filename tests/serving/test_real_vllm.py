"""The same promises with the real vLLM (CPU build) and a tiny random model."""

import contextlib
import json
import os
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from tests.processes import command_of, is_engine, runs, shared_memory
from tests.serving.conftest import ANY_CORE, Watched, model_config, request, server_config
from tests.serving.test_node_servers import persist
from tsdg.config.models import ModelConfig, ServerConfig
from tsdg.errors import PermanentError, ServerError
from tsdg.serving import PACING, open_transport
from tsdg.serving.client import RoutingClient

ROOT = Path(__file__).resolve().parents[2]
QUICK_VLLM = Path(__file__).with_name("vllm")
COLOURS = ["red", "green", "blue"]
PATIENT = replace(
    PACING, poll_s=0.5, stall_s=8.0, idle_s=5.0, canary_timeout_s=8.0, look_timeout_s=5.0
)

pytestmark = pytest.mark.server


def parts(tiny: Path, command: Path = QUICK_VLLM) -> tuple[ServerConfig, ModelConfig]:
    flags = {
        "dtype": "float32",
        "enforce-eager": True,
        "enable-chunked-prefill": False,
        "max-num-batched-tokens": 512,
        "structured-outputs-config": '{"backend":"xgrammar","disable_any_whitespace":true}',
    }
    env = {"HF_HUB_OFFLINE": "1", "VLLM_CPU_KVCACHE_SPACE": "1", **ANY_CORE}
    words = (str(command), "serve")
    server = server_config(command=words, start_timeout_s=300, flags=flags, env=env)
    return server, model_config(name="tiny", path=str(tiny), max_model_len=512)


@contextlib.asynccontextmanager
async def served(watched: Watched, tiny: Path, command: Path) -> AsyncIterator[RoutingClient]:
    server, model = parts(tiny, command)
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
    return any(word.endswith("/supervisor.py") for word in command_of(process))


def engine_of(parent: int) -> psutil.Process:
    return next(filter(is_engine, processes(parent)))


async def test_structured_requests_crash_and_stop(watched: Watched, tiny: Path, vllm: Path) -> None:
    """One start tests the reply's form; killing the engine brings another.

    ``tests/chaos/test_real_vllm.py`` hangs it, and kills what has started the server.
    """
    async with served(watched, tiny, vllm) as client:
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

        old = processes(os.getpid())
        engine_of(os.getpid()).kill()
        await persist(client, "after")
        assert not any(runs(process.pid) for process in old)
        last = processes(os.getpid())
        assert len(last) >= 3
        memory = shared_memory(last)
        assert memory
        began = time.monotonic()
    assert time.monotonic() - began < 5
    assert not any(runs(process.pid) for process in last)
    started = ["starting", "ready"]
    assert watched.kinds() == [*started, "restarting", *started, "stopped"]
    assert not any(path.exists() for path in memory)


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
