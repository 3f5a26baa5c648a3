"""A dev cluster as tests use it: its commands, and what waits for Slurm."""

from __future__ import annotations

import collections
import contextlib
import http.client
import json
import os
import shlex
import socket
import subprocess
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.forks import Forks

ROOT = Path(__file__).resolve().parents[2]
_OF_CLUSTER = {"PATH", "SLURM_CONF"}
DEVCLUSTER = ROOT / "slurm" / "devcluster" / "devcluster"


@dataclass(frozen=True)
class DevCluster:
    """The cluster in ``folder``, whether it runs or not."""

    folder: Path

    def command(self, *words: str) -> list[str]:
        return [str(DEVCLUSTER), "--folder", str(self.folder), *words]

    def call(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the dev cluster and return what came of it."""
        return subprocess.run(self.command(*words), capture_output=True, text=True, timeout=180)

    def do(self, *words: str) -> str:
        """Run a command of the dev cluster that must succeed, and return what it prints."""
        done = self.call(*words)
        assert done.returncode == 0, (
            f"devcluster {' '.join(words)}: {done.returncode}: {done.stderr or done.stdout}"
        )
        return done.stdout

    def run(self, *words: str | Path, **environment: str) -> str:
        """Run a command on the login node that must succeed, and return what it prints.

        Slurm's own commands are run by what ``devcluster env`` sets: they are asked again and
        again, and ``devcluster exec`` starts a Python each time.
        """
        variables = _variables(self)
        place = variables.get("PATH", "").partition(":")[0]
        direct = place and (Path(place) / words[0]).exists()
        done = subprocess.run(
            [*map(str, words)] if direct else self.command("exec", *map(str, words)),
            capture_output=True,
            text=True,
            timeout=180,
            env={**os.environ, **(variables if direct else {}), **environment},
        )
        assert done.returncode == 0, f"{words}: {done.returncode}: {done.stderr or done.stdout}"
        return done.stdout

    def settings(self) -> dict[str, Any]:
        """What ``status --json`` says."""
        said: dict[str, Any] = json.loads(self.call("status", "--json").stdout)
        return said

    def submit(self, out: Path, *flags: str, wrap: str) -> str:
        """Submit a batch script of one line whose output goes to ``out`` and return the job's
        number."""
        return self.run("sbatch", "--parsable", f"--output={out}", *flags, f"--wrap={wrap}").strip()

    def runs(self, job: str) -> dict[str, list[str]]:
        """States in accounting by job or array element, one for each start, oldest first."""
        states: dict[str, list[str]] = {}
        for line in self.run("sacct", "-XDnP", "-j", job, "-o", "JobID,Start,State").splitlines():
            name, start, state = line.split("|")
            states.setdefault(name, []).append(f"{start}|{state.split()[0]}")
        return {
            name: [entry.split("|")[1] for entry in sorted(entries)]
            for name, entries in states.items()
        }

    def state(self, job: str) -> str:
        """State of a job that the controller still knows."""
        return self.run("squeue", "-h", "--states=all", "-j", job, "-o", "%T").strip()

    def elements(self, array: str) -> dict[str, int]:
        """How many elements of an array are in which state, of those that the controller still
        knows."""
        states = self.run("squeue", "-hr", "--states=all", "-j", array, "-o", "%T").split()
        return dict(collections.Counter(states))


@cache
def _variables(cluster: DevCluster) -> dict[str, str]:
    """What ``devcluster env`` sets in a shell."""
    lines = (line.removeprefix("export ") for line in shlex.split(cluster.do("env"), comments=True))
    return dict(line.split("=", 1) for line in lines if "=" in line)


def wait_until(what: str, ready: Callable[[], bool], seconds: float = 150) -> None:
    """Wait until ``ready``, or fail."""
    end = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < end, f"not within {seconds:g} s: {what}"
        time.sleep(0.2)


@dataclass(frozen=True)
class Endpoint:
    """A running oracle on the login node."""

    url: str
    socket: Path
    """Where it answers outside of the cluster's network, too."""

    def overrides(self) -> list[str]:
        return ["server=openai", f"server.base_urls=[{self.url}/v1]"]

    def _send(self, method: str, path: str) -> bytes:
        connection = http.client.HTTPConnection("localhost")
        connection.sock = socket.socket(socket.AF_UNIX)
        with contextlib.closing(connection):
            connection.sock.connect(str(self.socket))
            connection.request(method, f"/{path}")
            return connection.getresponse().read()

    def asked(self) -> dict[str, int]:
        """How often each distinct request was sent."""
        counts: dict[str, int] = json.loads(self._send("GET", "asked"))
        return counts

    def answer_after(self, seconds: float) -> None:
        """Let it answer requests that come from now on after so many seconds."""
        self._send("POST", f"delay?s={seconds}")


@dataclass(frozen=True)
class Launcher:
    """``tsdg`` as a user of the cluster calls it on the login node."""

    cluster: DevCluster
    folder: Path
    environment: dict[str, str]
    forks: Forks

    @property
    def root(self) -> Path:
        return self.folder / "runs"

    def cluster_file(self, **keys: object) -> Path:
        """Write ``cluster_configs/dev.yaml`` with some keys set otherwise."""
        values = yaml.safe_load((ROOT / "cluster_configs/dev.yaml").read_text())
        path = self.folder / "cluster.yaml"
        path.write_text(yaml.safe_dump(values | {"job_dir": str(self.folder / "jobs")} | keys))
        return path

    def call(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run ``tsdg`` on the login node, from the repository's root."""
        out, err = (self.folder / f"{uuid.uuid4().hex}.{part}" for part in ("out", "err"))
        # What the cluster sets in the login node's processes stays.
        environment = {k: v for k, v in self.environment.items() if k not in _OF_CLUSTER}
        child = self.forks.start("tsdg", *words, out=out, err=err, environment=environment)
        code = child.wait(300)
        return subprocess.CompletedProcess(words, code, out.read_text(), err.read_text())

    def __call__(self, *words: str) -> str:
        """Run ``tsdg`` on the login node; it must succeed."""
        done = self.call(*words)
        assert done.returncode == 0, (
            f"tsdg {' '.join(words)}: {done.returncode}: {done.stderr or done.stdout}"
        )
        return done.stdout

    def launch(self, name: str, *overrides: str, **keys: object) -> Path:
        """Launch the demo recipe as the run ``name`` and return its directory."""
        placed = [f"run={name}", f"output_root={self.root}", f"cluster={self.cluster_file(**keys)}"]
        self("launch", "recipe=demo", *placed, *overrides)
        return self.root / name

    def jobs(self, run: Path) -> dict[str, str]:
        """Slurm's numbers by name, of the last launch of a run."""
        launches = json.loads((run / "launch/jobs.json").read_text())["launches"]
        return {job["name"]: job["job_id"] for job in launches[-1]["jobs"]}

    def wait(self, seconds: float = 400) -> None:
        """Wait until no job is pending or running."""
        wait_until(
            "all jobs have ended", lambda: self.cluster.run("squeue", "--me", "-h") == "", seconds
        )


def logs(run: Path) -> str:
    """All logs of a run, for the message of a failure."""
    return "\n".join(
        f"== {path.relative_to(run)}\n{path.read_text()}"
        for path in sorted((run / "logs").rglob("*.*"))
    )
