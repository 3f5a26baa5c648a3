"""What end-to-end tests share: the command line as a user calls it, and an instant endpoint.

Processes are forked by one that has imported everything. ``Cli.afresh`` starts one as a user does.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.forks import Child, Forks, bare_environment

ROOT = Path(__file__).resolve().parents[2]
TSDG = [sys.executable, "-m", "tsdg"]


@dataclass(frozen=True)
class Endpoint:
    """A running oracle."""

    url: str

    def overrides(self) -> list[str]:
        return ["server=openai", f"server.base_urls=[{self.url}/v1]"]

    def asked(self) -> dict[str, int]:
        """How often each distinct request was sent."""
        with urllib.request.urlopen(f"{self.url}/asked") as reply:
            counts: dict[str, int] = json.load(reply)
        return counts

    def answer_after(self, seconds: float) -> None:
        """Let replies take so long from now on."""
        self._tell(f"delay?s={seconds}")

    def refuse(self, share: float) -> None:
        """Refuse a share of the requests from now on, always the same ones."""
        self._tell(f"refuse?share={share}")

    def _tell(self, what: str) -> None:
        with urllib.request.urlopen(urllib.request.Request(f"{self.url}/{what}", method="POST")):
            pass


@pytest.fixture(scope="session")
def forks() -> Iterator[Forks]:
    """The parent of the commands and of the endpoints."""
    parent = Forks()
    yield parent
    parent.close()


@pytest.fixture
def oracle(tmp_path: Path, forks: Forks) -> Iterator[Callable[..., Endpoint]]:
    """Start oracles: ``oracle(delay=0.1)``, ``(manner="rubbish")``, ``(serves=MODEL)``."""
    started: list[Child] = []

    def start(delay: float = 0.0, manner: str = "", serves: str = "") -> Endpoint:
        port_file = tmp_path / f"port-{len(started)}"
        words = [str(port_file), delay, "127.0.0.1", manner]
        log = tmp_path / f"oracle-{len(started)}.log"
        child = forks.start("oracle", *words, out=log, environment={"ORACLE_SERVES": serves})
        started.append(child)
        deadline = time.monotonic() + 120
        while not port_file.exists():
            assert child.alive, f"the oracle ended at its start: {child.said()}"
            assert time.monotonic() < deadline, "the oracle did not start"
            time.sleep(0.01)
        return Endpoint(url=f"http://127.0.0.1:{port_file.read_text()}")

    yield start
    for child in started:
        child.kill()


@dataclass(frozen=True)
class Ran:
    """A finished command."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Process:
    """A command at work; it can do what those of ``subprocess`` can."""

    child: Child
    out: Path

    @property
    def pid(self) -> int:
        return self.child.pid

    @property
    def returncode(self) -> int | None:
        return self.child.code

    def poll(self) -> int | None:
        return self.child.code

    def send_signal(self, number: signal.Signals) -> None:
        self.child.signal(number)

    def kill(self) -> None:
        self.child.signal(signal.SIGKILL)

    def communicate(self, timeout: float = 300) -> tuple[str, str]:
        """Wait for its end; returns what it printed, and its standard error."""
        if not self.child.ended.wait(timeout):
            raise subprocess.TimeoutExpired(self.child.name, timeout)
        return self.out.read_text(), self.child.said()


@dataclass(frozen=True)
class Cli:
    """``tsdg`` in a process of its own, from the repository's root, with runs under ``root``."""

    root: Path
    environment: dict[str, str]
    forks: Forks

    def words(self, *arguments: str) -> list[str]:
        placed = [f"output_root={self.root}"] if arguments[0] in {"run", "plan"} else []
        return [arguments[0], *placed, *arguments[1:]]

    def __call__(self, *arguments: str, timeout: float = 300) -> Ran:
        process = self.start(*arguments)
        try:
            out, err = process.communicate(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        assert process.returncode is not None
        return Ran(code=process.returncode, out=out, err=err)

    def start(self, *arguments: str) -> Process:
        out, err = (self.root.parent / f"{uuid.uuid4().hex}.{part}" for part in ("out", "err"))
        words = self.words(*arguments)
        environment = self.environment
        child = self.forks.start(
            "tsdg", *words, out=out, err=err, environment=environment, whole=True
        )
        return Process(child, out)

    def afresh(self, *arguments: str, timeout: float = 300) -> Ran:
        """Run a command in a Python of its own, which imports what it needs itself."""
        done = subprocess.run(
            [*TSDG, *self.words(*arguments)],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        return Ran(code=done.returncode, out=done.stdout, err=done.stderr)

    def runs(self) -> list[Path]:
        return sorted(self.root.iterdir()) if self.root.exists() else []


@pytest.fixture
def tsdg(tmp_path: Path, forks: Forks) -> Cli:
    return Cli(root=tmp_path / "runs", environment=bare_environment(), forks=forks)


def table(path: Path) -> list[dict[str, Any]]:
    """All rows of a Parquet file."""
    import pyarrow.parquet as pq

    rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    return rows


def records(run: Path) -> dict[str, dict[str, Any]]:
    """All records of a run by id; each id stands once."""
    rows = [row for path in sorted((run / "dataset").rglob("*.parquet")) for row in table(path)]
    by_id = {row["record_id"]: row for row in rows}
    assert len(by_id) == len(rows)
    return by_id
