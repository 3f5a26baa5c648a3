"""Storms of kills on own servers and on tsdg itself.

Victims are API servers, engines, their workers, their supervisors and whole groups.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.chaos.lab import ROUNDS, Ledger, Toll, wait_for
from tests.chaos.test_engine import Phase
from tests.chaos.worker import MODEL
from tests.forks import Zygote
from tests.processes import runs
from tsdg.errors import ServerError

STRIKES = 14
ROLES = (
    "server",
    "engine",
    "worker",
    "supervisor",
    "server group",
    "hung engine",
    "tsdg",
    "tsdg group",
)
IN_FLIGHT = 8


class Servers:
    """The processes of all servers that were ever started, by what they noted of themselves."""

    def __init__(self, state: Path) -> None:
        self._state = state
        state.mkdir()

    def alive(self, role: str) -> list[int]:
        path = self._state / "pids"
        lines = [line.split() for line in path.read_text().splitlines()] if path.exists() else []
        return [int(pid) for name, pid in lines if name == role and runs(int(pid))]

    def all_alive(self) -> list[int]:
        return [pid for role in ("server", "engine", "worker") for pid in self.alive(role)]

    def described(self) -> str:
        """What still runs, for messages."""
        found = []
        for role in ("server", "engine", "worker"):
            for pid in self.alive(role):
                with contextlib.suppress(psutil.NoSuchProcess):
                    process = psutil.Process(pid)
                    found.append(f"{role} {pid} ({process.status()}, child of {process.ppid()})")
        return ", ".join(found)

    def segments(self) -> list[Path]:
        path = self._state / "segments"
        return [Path(line) for line in path.read_text().splitlines()] if path.exists() else []

    def strike(self, role: str, dice: random.Random) -> str:
        """Kill one process of a role, or stop it; what was done."""
        word = role.split()[-1] if role.startswith("hung") else role.split()[0]
        found = self.alive("server" if word == "supervisor" else word)
        if not found:
            return "nobody"
        try:
            victim = psutil.Process(dice.choice(found))
            if role == "supervisor":
                # The fault server's worker has left the session of its server, as vLLM's do not:
                # the supervisor alone knows of it, so it goes with the supervisor.
                workers = [
                    other
                    for other in victim.children(recursive=True)
                    if other.pid in self.alive("worker")
                ]
                if not workers:
                    return "nobody"
                for process in (victim.parent(), *workers):
                    process.kill()
            elif role == "server group":
                os.killpg(os.getpgid(victim.pid), signal.SIGKILL)
            elif role == "hung engine":
                victim.suspend()
            else:
                victim.kill()
        except (psutil.NoSuchProcess, ProcessLookupError):
            return "nobody"
        return role


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Servers]:
    found = Servers(tmp_path / "state")
    yield found
    for pid in found.all_alive():
        os.kill(pid, signal.SIGKILL)
    for segment in found.segments():
        segment.unlink(missing_ok=True)


def test_own_servers_struck_at_random(
    tmp_path: Path, zygote: Zygote, servers: Servers, dice: random.Random
) -> None:
    """Two replicas under one worker, struck while requests are answered.

    Only the last strikes come later.
    """
    seed = str(dice.random())
    ledger = Ledger(tmp_path / "ledger")
    phase = Phase(tmp_path, zygote, "", ledger, rows=400 * ROUNDS)

    def own(name: str) -> dict[str, str]:
        options = {
            "model": MODEL,
            "seed": seed,
            "wrong": 0.02,
            "hangs": 0.0,
            "crashes": 0.0,
            "delay": 0.1,
            "ledger": str(ledger.path),
            "who": name,
        }
        return {"CHAOS_ENDPOINT": json.dumps(options), "FAULT_STATE": str(tmp_path / "state")}

    start = phase.start(own=own, in_flight=IN_FLIGHT // 2)  # for each of the two
    toll, struck, workers = Toll(IN_FLIGHT), Counter[str](), [start("tsdg-0")]
    for number in range(STRIKES * ROUNDS):
        answered = sum(ledger.answered().values())
        wait_for(
            lambda past=answered: (
                sum(ledger.answered().values()) > past + 5 or not workers[-1].alive
            ),
            "work to go on",
        )
        if workers[-1].code == 0:
            break
        if (
            workers[-1].code == ServerError.exit_code
        ):  # too many strikes at one replica in a row: as a job, once more
            workers.append(start(f"tsdg-{len(workers)}"))
            struck["given up"] += 1
            continue
        time.sleep(dice.random() * 0.5)
        role = ROLES[number % len(ROLES)] if number < len(ROLES) else dice.choice(ROLES)
        if role.startswith("tsdg"):
            toll.killed.append((workers[-1].name, time.monotonic_ns()))
            workers[-1].kill(group=role == "tsdg group")
            wait_for(lambda: not servers.all_alive(), lambda: f"the end of {servers.described()}")
            workers.append(start(f"tsdg-{len(workers)}"))
            struck[role] += 1
        else:
            struck[servers.strike(role, dice)] += 1
    while workers[-1].wait() == ServerError.exit_code:
        workers.append(start(f"tsdg-{len(workers)}"))
    assert workers[-1].code == 0, workers[-1].said()
    wait_for(lambda: not servers.all_alive(), lambda: f"the end of {servers.described()}")
    phase.check(seed)
    rework, allowed = ledger.rework(), toll.allowed(ledger)
    print(
        f"struck {dict(struck)}: {rework} of {allowed} allowed requests again; "
        f"{dict(ledger.fates())}"
    )
    assert rework <= allowed
