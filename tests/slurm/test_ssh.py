"""`tsdg launch` from outside of the cluster, by a real ssh to its login node."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.slurm.lab import ROOT, DevCluster, Endpoint, Launcher, logs, wait_until
from tests.sshd import prepare

pytestmark = [pytest.mark.slurm, pytest.mark.ssh, pytest.mark.root]
PORT = 2222


@dataclass(frozen=True)
class Login:
    """An sshd on the login node, and what a user outside needs to reach it."""

    key: Path
    environment: dict[str, str]


@pytest.fixture
def login(slurm: DevCluster, tmp_path: Path) -> Iterator[Login]:
    """Start an sshd that knows one key; only through it do Slurm's commands find a cluster."""
    ours = [line.removeprefix("export ") for line in slurm.do("env").splitlines()]
    prepare(tmp_path, PORT, f"SetEnv {' '.join(ours)}")
    command = slurm.command(
        "exec", "/usr/sbin/sshd", "-D", "-e", "-f", str(tmp_path / "sshd_config")
    )
    with (tmp_path / "sshd.log").open("wb") as log:
        server = subprocess.Popen(command, stderr=log)
        try:
            wait_until(
                "sshd listens", lambda: "listening" in (tmp_path / "sshd.log").read_text(), 30
            )
            path = f"{tmp_path / 'bin'}:{os.environ['PATH']}"
            yield Login(
                key=tmp_path / "user",
                environment={"PATH": path, "TSDG_CACHE": str(tmp_path / "cache")},
            )
        finally:
            server.kill()
            server.wait()


def test_a_run_is_launched_watched_and_cancelled_from_outside(
    launcher: Launcher, login: Login, oracle: Callable[..., Endpoint], demo_model: Path
) -> None:
    endpoint = oracle()
    jobs = launcher.folder / "jobs"
    tunnel = {"host": "127.0.0.1", "job_dir": str(jobs), "identity": str(login.key)}
    keys = {"gpus_per_node": 0, "exclusive": False, "ssh_port": PORT, "python": sys.executable}
    cluster = launcher.cluster_file(ssh_tunnel=tunnel, tsdg=keys)

    def outside(*words: str) -> subprocess.CompletedProcess[str]:
        inner = [
            "env",
            "-u",
            "SLURM_CONF",
            *(f"{name}={value}" for name, value in login.environment.items()),
        ]
        command = launcher.cluster.command("exec", *inner, sys.executable, "-m", "tsdg", *words)
        return subprocess.run(
            command, cwd=ROOT, env=launcher.environment, capture_output=True, text=True, timeout=300
        )

    words = [
        "seeds.tasks=[demo_science,demo_facts]",
        "engine.unit_rows=16",
        "launch.canary=0",
        "launch.elements=2",
    ]
    done = outside(
        "launch",
        "recipe=demo",
        "run=far",
        f"output_root={launcher.root}",
        f"cluster={cluster}",
        f"model.path={demo_model}",
        *endpoint.overrides(),
        *words,
    )
    assert done.returncode == 0, done.stderr or done.stdout
    launcher.wait()
    run = launcher.root / "far"
    assert (run / "manifest.json").exists(), logs(run)
    launcher("verify", str(run))
    (copy,) = (launcher.folder / "cache/launched").glob("*/far")
    told = outside("status", str(copy), "--json")
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout)["state"] == "complete"
    assert "package" in outside("logs", str(copy)).stdout
    assert "has no job that is pending or running" in outside("cancel", str(copy)).stdout
