"""One dev cluster for all Slurm tests; its nodes see this machine's file systems."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import records
from tests.forks import Child, Forks, bare_environment
from tests.slurm.lab import DevCluster, Endpoint, Launcher, wait_until


@pytest.fixture(scope="session")
def slurm() -> Iterator[DevCluster]:
    """A running dev cluster of three nodes with eight GPUs each; what a test breaks it mends."""
    parent = Path(
        tempfile.mkdtemp(prefix="dc-")
    )  # pytest's own folders have paths too long for sockets
    cluster = DevCluster(folder=parent / f"tsdg-devcluster-{os.getuid()}")
    try:
        cluster.do("up")
        yield cluster
    finally:
        cluster.do("down")
        shutil.rmtree(parent)


@pytest.fixture(scope="session")
def forks(slurm: DevCluster) -> Iterator[Forks]:
    """The parent of commands and endpoints on the login node."""
    parent = Forks(*slurm.command("exec"), preload=["tsdg.launch.nemorun"])
    yield parent
    parent.close()


@pytest.fixture
def oracle(slurm: DevCluster, forks: Forks, tmp_path: Path) -> Iterator[Callable[..., Endpoint]]:
    """Start endpoints on the login node, which all nodes reach: ``oracle(delay=0.1)``."""
    started: list[Child] = []
    host = "10.99.7.1" if slurm.settings()["namespaces"] else "127.0.0.1"

    def start(delay: float = 0.0) -> Endpoint:
        port_file = tmp_path / f"port-{len(started)}"
        # The path of a socket may be short only, as the cluster's folder is.
        socket = slurm.folder.parent / f"{uuid.uuid4().hex[:8]}.sock"
        words = [str(port_file), delay, host, "", str(socket)]
        child = forks.start("oracle", *words, out=tmp_path / f"oracle-{len(started)}.log")
        started.append(child)
        wait_until("the oracle answers", lambda: port_file.exists() or not child.alive)
        assert child.alive, child.said()
        return Endpoint(url=f"http://{host}:{port_file.read_text()}", socket=socket)

    yield start
    for child in started:
        child.kill()


@pytest.fixture
def launcher(slurm: DevCluster, forks: Forks, tmp_path: Path) -> Iterator[Launcher]:
    """``tsdg`` on the login node, with runs and a cluster file in ``tmp_path``.

    No job outlives the test.
    """
    environment = bare_environment() | {"TMPDIR": "/tmp"}
    yield Launcher(cluster=slurm, folder=tmp_path, environment=environment, forks=forks)
    slurm.run("scancel", "--me")
    wait_until("no job is left", lambda: slurm.run("squeue", "--me", "-h") == "")


@pytest.fixture(scope="session")
def expected(
    forks: Forks, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, dict[str, Any]]]:
    """The records of the demo recipe from one process on one machine."""
    folder = tmp_path_factory.mktemp("alone")
    port = folder / "port"
    oracle = forks.start("oracle", str(port), 0, "127.0.0.1", "", out=folder / "oracle.log")
    wait_until("the oracle answers", lambda: port.exists() or not oracle.alive)
    words = [f"output_root={folder}", "run=alone", "server=openai"]
    url = f"server.base_urls=[http://127.0.0.1:{port.read_text()}/v1]"
    ran = forks.start("tsdg", "run", "recipe=demo", *words, url, out=folder / "run.log")
    assert ran.wait() == 0, ran.said()
    yield records(folder / "alone")
    oracle.kill()
