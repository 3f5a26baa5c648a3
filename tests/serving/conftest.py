"""What serving tests share: recipe parts, the fault server, and a look at processes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.processes import runs
from tsdg.config.models import ModelConfig, ServerConfig
from tsdg.protocols import Request
from tsdg.serving import Pacing, ServerEvent, client, open_transport, process
from tsdg.serving.client import RoutingClient

FAULT_SERVER = Path(__file__).with_name("fault_server.py")
QUICK = Pacing(
    poll_s=0.2,
    look_timeout_s=10.0,
    stall_s=20.0,
    idle_s=1.0,
    canary_timeout_s=20.0,
    last_words_s=0.3,
    stagger_s=0.0,
    backoff_s=0.1,
    max_backoff_s=0.3,
    stable_s=60.0,
    start_failures=3,
    crashes=3,
    grace_s=1.0,
)
"""Quick where a test waits; patient where a slow machine could look like a hung server."""
ANY_CORE = {"VLLM_CPU_OMP_THREADS_BIND": "nobind", "OMP_NUM_THREADS": "1"}
"""Environment of real servers: vLLM binds each to all cores but the last, which on two cores means
that all servers of the tests would share one."""
STOPPED_S = 0.9 * QUICK.look_timeout_s
"""Within this a stop is over that waits for nothing but ``grace_s``, even on a busy machine."""


def model_config(**values: Any) -> ModelConfig:
    given = {
        "name": "model",
        "path": "owner/model",
        "revision": "",
        "licence": "Apache-2.0",
        "max_model_len": 64,
        "reasoning_parser": "",
        "tensor_parallel": 1,
        "pipeline_parallel": 1,
        "flags": {},
        "note": "",
        "sampling": {"temperature": 0.7, "top_p": 0.95, "max_tokens": 32},
        "parallelism": {},
        "throughput": {},
    }
    return ModelConfig(**given | values)


def server_config(**values: Any) -> ServerConfig:
    given = {
        "type": "vllm",
        "command": (sys.executable, str(FAULT_SERVER), "serve"),
        "host": "127.0.0.1",
        "port": 0,
        "replicas": 1,
        "start_timeout_s": 20,
        "least_requests": 0,
        "flags": {},
        "env": {},
        "base_urls": (),
        "api_key_env": "",
        "api_key_file": "",
    }
    return ServerConfig(**given | values)


def request(said: str = "hello", **body: Any) -> Request:
    return Request(
        request_id=said,
        body={"messages": [{"role": "user", "content": said}], **body},
        prefix="",
        expected_tokens=8,
    )


@dataclass
class Watched:
    """A fault server run as the serving command, and what was said of it."""

    state: Path
    logs: Path
    events: list[ServerEvent] = field(default_factory=list)

    def kinds(self) -> list[str]:
        return [event.kind for event in self.events]

    def pids(self, role: str) -> list[int]:
        """Process ids of a role, in the order of their starts."""
        path = self.state / "pids"
        lines = path.read_text().splitlines() if path.exists() else []
        return [int(line.split()[1]) for line in lines if line.split()[0] == role]

    def log(self, number: int) -> Path:
        """The log of one server of this process."""
        (path,) = self.logs.glob(f"server-{number}.*.{os.getpid()}.log")
        return path

    def alive(self) -> list[int]:
        """Which processes that were ever started still run."""
        return [
            pid
            for role in ("server", "engine", "worker", "rank")
            for pid in self.pids(role)
            if runs(pid)
        ]

    def starts(self) -> int:
        path = self.state / "starts"
        return len(path.read_text().splitlines()) if path.exists() else 0

    def segments(self) -> list[Path]:
        path = self.state / "segments"
        """Shared memory and semaphores that the engines made."""
        return [Path(line) for line in path.read_text().splitlines()] if path.exists() else []

    def env(self, starts: str = "ok", **more: str) -> dict[str, str]:
        return {"FAULT_STATE": str(self.state), "FAULT_STARTS": starts, **more}


@pytest.fixture(scope="session")
def tiny(vllm: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny random Llama, which the serving environment makes."""
    folder = tmp_path_factory.mktemp("tiny-model")
    script = Path(__file__).with_name("make_tiny_model.py")
    subprocess.run(
        [str(vllm.parent / "python"), str(script), str(folder)], check=True, capture_output=True
    )
    return folder


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for servers and supervisors in one go, however slow the machine is."""
    monkeypatch.setattr(client, "WAIT_S", 60.0)
    monkeypatch.setattr(process, "_SLACK_S", 30.0)


async def until(condition: Callable[[], bool], seconds: float = 120.0) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to be so in time"
        await asyncio.sleep(0.02)


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    state = tmp_path / "state"
    state.mkdir()
    found = Watched(state=state, logs=tmp_path / "logs")
    yield found
    left = found.alive()
    for pid in left:
        with contextlib.suppress(psutil.NoSuchProcess):
            psutil.Process(pid).kill()
    for segment in found.segments():
        segment.unlink(missing_ok=True)
    assert not left, "processes were left behind"


@contextlib.asynccontextmanager
async def opened(
    watched: Watched, *, pacing: Pacing = QUICK, env: dict[str, str] | None = None, **server: Any
) -> AsyncIterator[RoutingClient]:
    """The whole transport over fault servers."""
    async with open_transport(
        server=server_config(env=watched.env() if env is None else env, **server),
        model=model_config(),
        logs=watched.logs,
        on_event=watched.events.append,
        pacing=pacing,
    ) as opened_client:
        yield opened_client


@pytest.fixture
def endpoint(tmp_path: Path) -> Iterator[Callable[..., str]]:
    """Start fault servers that others run: ``endpoint(FAULT_KEY="k")`` returns the base URL."""
    started: list[subprocess.Popen[bytes]] = []

    def start(port: str = "0", **env: str) -> str:
        port_file = tmp_path / f"port-{len(started)}"
        command = [sys.executable, str(FAULT_SERVER), "serve", "x", "--no-engine", "--port", port]
        command += ["--port-file", str(port_file)]
        started.append(subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL))
        deadline = time.monotonic() + 120
        while not port_file.exists():
            assert started[-1].poll() is None, "the fault server ended at its start"
            assert time.monotonic() < deadline, "the fault server did not start"
            time.sleep(0.02)
        return f"http://127.0.0.1:{port_file.read_text()}/v1"

    yield start
    for server in started:
        server.kill()
        server.wait()
