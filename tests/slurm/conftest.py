"""One dev cluster for all Slurm tests; its nodes see this machine's file systems."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.slurm.lab import ROOT, DevCluster, Endpoint, Launcher, wait_until


@pytest.fixture(scope="session")
def slurm() -> Iterator[DevCluster]:
    """A running dev cluster of three nodes with eight GPUs each; what a test breaks it mends."""
    parent = Path(
        tempfile.mkdtemp(prefix="dc-")
    )  # pytest's own folders have paths too long for sockets
    cluster = DevCluster(folder=parent / "c")
    try:
        cluster.do("up")
        yield cluster
    finally:
        cluster.do("down")
        shutil.rmtree(parent)


@pytest.fixture
def oracle(slurm: DevCluster, tmp_path: Path) -> Iterator[Callable[..., Endpoint]]:
    """Start endpoints on the login node, which all nodes reach: ``oracle(delay=0.1)``."""
    started: list[subprocess.Popen[bytes]] = []
    host = "10.99.7.1" if slurm.settings()["namespaces"] else "127.0.0.1"

    def start(delay: float = 0.0) -> Endpoint:
        port_file = tmp_path / f"port-{len(started)}"
        words = [
            sys.executable,
            str(ROOT / "tests/e2e/oracle.py"),
            str(port_file),
            str(delay),
            host,
        ]
        started.append(subprocess.Popen(slurm.command("exec", *words)))
        wait_until("the oracle answers", lambda: port_file.exists() and started[-1].poll() is None)
        return Endpoint(cluster=slurm, url=f"http://{host}:{port_file.read_text()}")

    yield start
    for process in started:
        process.kill()
        process.wait()


@pytest.fixture
def launcher(slurm: DevCluster, tmp_path: Path) -> Iterator[Launcher]:
    """``tsdg`` on the login node, with runs and a cluster file in ``tmp_path``.

    No job outlives the test.
    """
    environment = {
        k: v for k, v in os.environ.items() if k not in {"TSDG_MIRROR", "TSDG_OUTPUT_ROOT"}
    }
    yield Launcher(cluster=slurm, folder=tmp_path, environment={**environment, "TMPDIR": "/tmp"})
    slurm.run("scancel", "--me")
    wait_until("no job is left", lambda: slurm.run("squeue", "--me", "-h") == "")
