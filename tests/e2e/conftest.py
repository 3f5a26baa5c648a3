"""What end-to-end tests share: the command line as a user calls it, and an instant endpoint."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

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


@pytest.fixture
def oracle(tmp_path: Path) -> Iterator[Callable[..., Endpoint]]:
    """Start oracles: ``oracle(delay=0.1)``, ``oracle(manner="rubbish")``."""
    started: list[subprocess.Popen[bytes]] = []

    def start(delay: float = 0.0, manner: str = "") -> Endpoint:
        port_file = tmp_path / f"port-{len(started)}"
        command = [
            sys.executable,
            str(Path(__file__).with_name("oracle.py")),
            str(port_file),
            str(delay),
        ]
        command += ["127.0.0.1", manner]
        process = subprocess.Popen(command)
        started.append(process)
        deadline = time.monotonic() + 30
        while not port_file.exists():
            assert process.poll() is None, "the oracle ended at its start"
            assert time.monotonic() < deadline, "the oracle did not start"
            time.sleep(0.05)
        return Endpoint(url=f"http://127.0.0.1:{port_file.read_text()}")

    yield start
    for process in started:
        process.kill()
        process.wait()


@dataclass(frozen=True)
class Ran:
    """A finished command."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Cli:
    """``tsdg`` in a process of its own, from the repository's root, with runs under ``root``."""

    root: Path
    environment: dict[str, str]

    def command(self, *arguments: str) -> list[str]:
        placed = [f"output_root={self.root}"] if arguments[0] in {"run", "plan"} else []
        return [*TSDG, arguments[0], *placed, *arguments[1:]]

    def __call__(self, *arguments: str, timeout: float = 300) -> Ran:
        done = subprocess.run(
            self.command(*arguments),
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        return Ran(code=done.returncode, out=done.stdout, err=done.stderr)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.command(*arguments),
            cwd=ROOT,
            env=self.environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def runs(self) -> list[Path]:
        return sorted(self.root.iterdir()) if self.root.exists() else []


@pytest.fixture
def tsdg(tmp_path: Path) -> Cli:
    environment = {
        k: v for k, v in os.environ.items() if k not in {"TSDG_MIRROR", "TSDG_OUTPUT_ROOT"}
    }
    return Cli(root=tmp_path / "runs", environment=environment)


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
