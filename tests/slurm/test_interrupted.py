"""Launches that are cut short by limits, by others or by a full disk, and then go on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import records
from tests.slurm.lab import DevCluster, Endpoint, Launcher, wait_until
from tests.slurm.test_launch import SLOW, SMALL_UNITS, finished

pytestmark = pytest.mark.slurm
Oracle = Callable[..., Endpoint]


def test_a_time_limit_that_is_reached_twice_requeues_the_element_alone(
    launcher: Launcher, oracle: Oracle, slurm: DevCluster, expected: dict[str, Any]
) -> None:
    endpoint = oracle(delay=4)
    limit = ["launch.time_limit=00:01:00", "launch.flush_s=45", "launch.elements=1"]
    run = launcher.launch("limited", *limit, *SMALL_UNITS, *SLOW, *endpoint.overrides())
    array = launcher.jobs(run)["questions"]
    restarts = ["squeue", "-hr", "-j", array, "-O", "RestartCnt"]
    wait_until("two restarts", lambda: slurm.run(*restarts).strip() == "2", 200)
    endpoint.answer_after(0)
    assert finished(launcher, run) == expected
    (states,) = slurm.runs(array).values()
    asked = endpoint.asked().values()
    # On a slow machine the limit may be reached once more; each time two requests are in flight.
    assert sum(asked) - len(asked) <= 2 * (len(states) - 1), states
    assert states[-1] == "COMPLETED"


def test_preempted_elements_go_on_where_they_are_requeued_and_where_they_are_cancelled(
    launcher: Launcher, oracle: Oracle, slurm: DevCluster, expected: dict[str, Any], tmp_path: Path
) -> None:
    endpoint = oracle(delay=2)
    common = ["launch.elements=1", *SMALL_UNITS, *SLOW, *endpoint.overrides()]
    requeued = launcher.launch("requeued", *common, cpu_partition="requeue")
    cancelled = launcher.launch("cancelled", *common, "launch.chain=1", cpu_partition="cancel")
    arrays = [launcher.jobs(run)["questions"] for run in (requeued, cancelled)]
    wait_until(
        "both work",
        lambda: all((run / "questions/workers").exists() for run in (requeued, cancelled)),
    )
    go = tmp_path / "go"
    wrap = f"until [ -e {go} ]; do sleep 0.1; done"
    above = slurm.submit(tmp_path / "above", "-N3", "--exclusive", wrap=wrap)
    wait_until("both are preempted", lambda: slurm.state(above) == "RUNNING")
    endpoint.answer_after(0)
    go.touch()
    assert finished(launcher, requeued) == finished(launcher, cancelled) == expected
    assert [slurm.runs(array)[f"{array}_0"][-1] for array in arrays] == ["COMPLETED", "PREEMPTED"]


@pytest.mark.root
def test_a_full_disk_stops_a_run_that_goes_on_once_there_is_room(
    launcher: Launcher, oracle: Oracle, slurm: DevCluster, expected: dict[str, Any]
) -> None:
    endpoint = oracle(delay=2)
    launcher.root.mkdir()
    slurm.run("mount", "-t", "tmpfs", "-o", "size=30m", "tmpfs", launcher.root)
    run = launcher.launch("full", "launch.elements=2", *SMALL_UNITS, *SLOW, *endpoint.overrides())
    wait_until("it works", lambda: len(endpoint.asked()) >= 8)
    filler = launcher.root / "filler"
    slurm.call("exec", "dd", "if=/dev/zero", f"of={filler}", "bs=64k")
    endpoint.answer_after(0)
    launcher.wait()
    said = slurm.run("bash", "-c", f"cat {run}/logs/questions/*.log")
    assert "Traceback" not in said
    wait_until(
        "Slurm tells how all ended",
        lambda: launcher("status", str(run)).startswith(f"{run}: failed\n"),
        30,
    )
    told = launcher("status", str(run)).splitlines()
    assert told[1].startswith("  FAILED, exit code 3 on node")
    # Lines are folded where a terminal's would be.
    folded = " ".join(" ".join(told).split())
    assert f"`tsdg resume {run}` continues with what is left" in folded
    failures = [
        " ".join(part.split()) for part in "\n".join(told).split("\nfailed: questions ")[1:]
    ]
    assert len(failures) == 2
    for number, failure in enumerate(failures):
        assert f"_{number}: FAILED, exit code 3 on node" in failure
        assert f": {run}/logs/questions/" in failure
        assert (
            "No space left on device: the disk is full; free some space"
            in failure.split(" failed: ")[0]
        )
    slurm.run("rm", filler)
    launcher("resume", str(run))
    launcher.wait()
    assert launcher("status", str(run)).splitlines()[0] == f"{run}: complete"
    launcher("verify", str(run))
    kept = launcher.folder / "kept"
    slurm.run("cp", "-r", run, kept)
    assert records(kept) == expected
