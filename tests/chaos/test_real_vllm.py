"""The same storms on the real vLLM (CPU build) with a tiny random model."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import threading
import time
from collections import Counter
from pathlib import Path

import psutil
import pytest

from tests.chaos.lab import ROUNDS, Ledger, storm, wait_for
from tests.chaos.test_engine import Phase
from tests.chaos.worker import SAMPLES
from tests.engine.lab import rows_of
from tests.forks import Child, Zygote, ending_s
from tests.processes import is_engine, shared_memory
from tests.serving.conftest import ANY_CORE
from tsdg.serving.ports import PortLease

pytestmark = [pytest.mark.server, pytest.mark.timeout(2400)]
ROWS = 160
MAKE_MODEL = Path(__file__).resolve().parents[1] / "serving" / "make_tiny_model.py"


def kills(holder: Child, ready: int, roles: list[str]) -> None:
    """Kill what serves, one role after the other, each time that it is ready again."""
    for role in roles:
        wait_for(
            lambda seen=ready: Counter(holder.said().split())["ready"] > seen,
            f"the server, to strike its {role}",
        )
        ready += 1
        time.sleep(1)
        children = psutil.Process(holder.pid).children(recursive=True)
        engine = next(filter(is_engine, children))
        if role == "group":
            os.killpg(os.getpgid(engine.pid), signal.SIGKILL)
        else:
            engine.suspend()


def test_workers_and_servers_killed(
    tmp_path: Path, zygote: Zygote, vllm: Path, quick_vllm: Path, dice: random.Random
) -> None:
    """Kill workers by the dozen, meanwhile the server's group; then hang the engine.

    At last kill who started the server, which then leaves nothing.
    ``tests/serving/test_real_vllm.py`` kills the engine and stops the server.
    """
    model, lease = tmp_path / "model", PortLease("127.0.0.1", 0)  # nobody else gets it
    python = str(vllm.parent / "python")
    subprocess.run([python, str(MAKE_MODEL), str(model)], check=True, capture_output=True)
    overrides = [
        "recipe=demo",
        f"model.path={model}",
        "model.max_model_len=512",
        f"server.command=[{quick_vllm},serve]",
        f"server.port={lease.port}",
        *(f"+server.env.{name}='{value}'" for name, value in ANY_CORE.items()),
    ]
    holder = zygote.start("hold", str(tmp_path / "logs"), overrides, name="holder")
    wait_for(lambda: "ready" in holder.said().split() or not holder.alive, "the server")
    assert holder.alive, holder.said()
    phase = Phase(
        tmp_path,
        zygote,
        f"http://127.0.0.1:{lease.port}/v1",
        Ledger(tmp_path / "none"),
        rows=ROWS * ROUNDS,
    )
    striker = threading.Thread(target=kills, args=(holder, 0, ["group", "hang"]))
    striker.start()
    toll = storm(
        dice=dice,
        start=phase.start(timeout_s=60),
        ledger=phase.ledger,
        workers=2,
        kills=15 * ROUNDS,
        mean_s=1.0,
        in_flight=8,
        name="w",
    )
    striker.join()
    rows = rows_of(phase.directory)
    assert [row["input_id"] for row in rows] == [
        f"row-{number:05d}" for number in range(phase.rows)
    ]
    for row in rows:
        assert len(row["texts"]) == SAMPLES + 1
        assert not any(text.startswith("failed: ") for text in row["texts"])
    processes = psutil.Process(holder.pid).children(recursive=True)
    assert len(processes) >= 3
    memory = shared_memory(processes)
    assert memory
    holder.signal(signal.SIGKILL)
    assert ending_s(processes) < 5
    assert {path for path in memory if path.exists()} == set()
    lease.close()
    print(f"{len(toll.killed)} kills of workers; the server: {' '.join(holder.said().split())}")
