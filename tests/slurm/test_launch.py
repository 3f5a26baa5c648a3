"""`tsdg launch` on a real Slurm gives the rows of `tsdg run`, whatever fails meanwhile."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import records
from tests.slurm.lab import ROOT, DevCluster, Endpoint, Launcher, logs, wait_until

pytestmark = pytest.mark.slurm
Oracle = Callable[..., Endpoint]
SMALL_UNITS = ["engine.unit_rows=3", "launch.canary=0"]
SLOW = [
    "engine.max_in_flight=2"
]  # and the endpoint's delay: what happens meanwhile happens in the middle


def finished(launcher: Launcher, run: Path) -> dict[str, dict[str, Any]]:
    """Wait for the jobs of a run that must then be complete and whole; return its records."""
    launcher.wait()
    assert (run / "manifest.json").exists(), logs(run)
    launcher("verify", str(run))
    return records(run)


def test_two_elements_of_two_nodes_give_the_records_of_a_run_on_one_machine(
    launcher: Launcher, oracle: Oracle, slurm: DevCluster, expected: dict[str, Any], tmp_path: Path
) -> None:
    endpoint = oracle()
    shape = [
        "launch.elements=2",
        "launch.nodes_per_element=2",
        "engine.unit_rows=3",
        "launch.canary=2",
    ]
    run = launcher.launch("arrays", *shape, *endpoint.overrides())
    assert finished(launcher, run) == expected
    runs = slurm.runs(launcher.jobs(run)["questions"])
    assert list(runs.values()) == [["COMPLETED"]] * 2
    assert set(endpoint.asked().values()) <= {1, 2}, "the canary asks for its few rows, too"
    _nemo_run_knows_it(launcher, run)
    before = endpoint.asked()
    launcher.launch("arrays", *shape, *endpoint.overrides())
    assert slurm.run("squeue", "--me", "-h") == "", "there is nothing to submit for a complete run"
    # An element that comes late finds nothing to do: it starts no server and asks for nothing.
    booted = tmp_path / "booted"
    server = f"server.type=vllm 'server.command=[touch,{booted}]'"
    work = f"{sys.executable} -m tsdg work {run} questions {server}"
    slurm.submit(tmp_path / "late", "--wait", "--array=0-1", f"--chdir={ROOT}", wrap=f"srun {work}")
    assert not booted.exists()
    assert endpoint.asked() == before


def _nemo_run_knows_it(launcher: Launcher, run: Path) -> None:
    """NeMo-Run's own commands list the jobs of a launch, and print the log of one."""
    launch = json.loads((run / "launch/jobs.json").read_text())["launches"][-1]
    environment = {**launcher.environment, "NEMORUN_HOME": launch["home"], "COLUMNS": "200"}

    def nemo(*words: str) -> str:
        command = [str(Path(sys.executable).with_name("nemo")), "experiment", *words]
        inside = launcher.cluster.command("exec", *command)
        done = subprocess.run(inside, env=environment, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    shown = nemo("status", launch["id"])
    numbers = {job["name"]: job["job_id"] for job in launch["jobs"]}
    assert all(number in shown for number in numbers.values()), shown
    assert "SUCCEEDED" in shown
    place = [job["name"] for job in launch["jobs"]].index("seeds")
    assert "seeds" in nemo("logs", launch["id"], str(place))


def test_what_breaks_in_the_middle_costs_requests_in_flight_and_no_rows(
    launcher: Launcher, oracle: Oracle, slurm: DevCluster, expected: dict[str, Any]
) -> None:
    endpoint = oracle(delay=2)
    two_a_node = {"tsdg": {"gpus_per_node": 0, "exclusive": False, "gpu_sbatch": {"mem": "30G"}}}
    run = launcher.launch(
        "broken", "launch.elements=4", *SMALL_UNITS, *SLOW, *endpoint.overrides(), **two_a_node
    )
    array = launcher.jobs(run)["questions"]
    wait_until(
        "all elements work",
        lambda: slurm.elements(array) == {"RUNNING": 4} and len(endpoint.asked()) >= 8,
    )
    slurm.do("stop-dbd")
    slurm.run("scancel", f"{array}_0")
    slurm.run("scontrol", "requeue", f"{array}_1")
    slurm.do("crash", "node2")
    slurm.do("restart-ctld")
    slurm.do("restore", "node2")
    slurm.do("start-dbd")
    endpoint.answer_after(0)
    assert finished(launcher, run) == expected
    asked = endpoint.asked().values()
    assert sum(asked) - len(asked) <= 4 * 2, "each of four elements had two requests in flight"
    ends = [states[-1] for states in slurm.runs(array).values()]
    assert sorted(ends) == ["CANCELLED", "COMPLETED", "COMPLETED", "COMPLETED"]
