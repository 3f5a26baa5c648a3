"""What status, logs, cancel, resume, list and doctor say and do on a real Slurm."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.slurm.lab import DevCluster, Endpoint, Launcher, logs, wait_until
from tsdg.engine.owner import Owner
from tsdg.engine.slurm import SlurmJobs

pytestmark = pytest.mark.slurm
Oracle = Callable[..., Endpoint]


def status(launcher: Launcher, run: Path) -> dict[str, Any]:
    values: dict[str, Any] = json.loads(launcher("status", str(run), "--json"))
    return values


def test_a_run_is_watched_cancelled_and_resumed_while_accounting_is_down(
    launcher: Launcher, oracle: Oracle
) -> None:
    endpoint = oracle(delay=60.0)
    words = [
        "engine.unit_rows=4",
        "launch.canary=0",
        "launch.elements=2",
        "launch.max_running=1",
        "phases=[[questions]]",
    ]
    run = launcher.launch(
        "watched", *endpoint.overrides(), *words, "seeds.tasks=[demo_science,demo_facts]"
    )
    wait_until("an element works", lambda: any(run.glob("questions/workers/*.json")), 100)
    seen = status(launcher, run)
    jobs = {job["name"]: job for job in seen["jobs"]}
    assert seen["state"] == "running"
    assert jobs["questions"]["elements"] == {"running": 1, "pending": 1}
    assert jobs["questions-gather"]["why_pending"] == {"waits for seeds, the end of questions": 1}
    assert [phase["rows"] for phase in seen["phases"]] == [24]

    refused = launcher.call("resume", str(run))
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert "is launched already" in refused.stderr

    said = launcher("cancel", str(run))
    assert "cancelled questions (" in said
    assert "cancelled package (" in said
    launcher.wait(5)
    assert status(launcher, run)["state"] == "stopped"
    assert "has no job that is pending or running" in launcher("cancel", str(run))

    endpoint.answer_after(0)
    launcher.cluster.do("stop-dbd")
    try:
        launcher("resume", str(run))
        assert next(iter(launcher.jobs(run))) == "questions"  # the seeds are there
        launcher.wait(150)
        seen = status(launcher, run)
        listed = json.loads(launcher("list", str(launcher.root), "--json"))["runs"]
    finally:
        launcher.cluster.do("start-dbd")
    assert seen["state"] == "complete", logs(run)
    assert any("sacct failed" in note for note in seen["notes"])
    assert seen["tasks"]["demo_science"]["exact"]
    assert [(line["state"], line["records"]) for line in listed] == [
        ("complete", seen["totals"]["records"])
    ]


def test_what_failed_is_shown_with_the_end_of_its_log(launcher: Launcher) -> None:
    keys = {
        "tsdg": {"gpus_per_node": 0, "exclusive": False, "setup": ["echo no luck today", "exit 3"]}
    }
    run = launcher.launch(
        "unlucky", "server=openai", "server.base_urls=[http://10.99.7.1:9/v1]", **keys
    )
    launcher.wait(100)
    seen = status(launcher, run)
    assert seen["state"] == "failed"
    first = {failure["job"]: failure for failure in seen["failures"]}["seeds"]
    assert first["what"].startswith("FAILED")
    assert first["tail"] == ["no luck today"]
    assert Path(first["log"]) == run / "logs/seeds" / f"{launcher.jobs(run)['seeds']}.node0.log"
    newest = launcher("logs", str(run)).splitlines()[1].split()
    assert newest[3] == "failed"
    assert launcher("logs", str(run), "seeds") == "no luck today\n"


def test_the_cluster_is_fit_and_a_wrong_file_for_it_is_not(launcher: Launcher) -> None:
    recipe = ["recipe=demo", "server=openai", "server.base_urls=[http://10.99.7.1:9/v1]"]
    where = f"output_root={launcher.root}"
    said = launcher.call("doctor", f"cluster={launcher.cluster_file()}", where, *recipe)
    lines = said.stdout.splitlines()
    (failed,) = [line for line in lines if line.startswith("FAILED")]
    assert "endpoint http://10.99.7.1:9/v1: does not answer" in failed  # asked by a node
    jobs = [line[13:] for line in lines if line[13:].startswith(("job ", "jobs "))]
    assert [line.partition(":")[0] for line in jobs] == [
        "job canary",
        "jobs seeds, questions, questions-gather and 3 more",
    ]
    assert all("Slurm would take it" in line for line in jobs)
    assert any(f"sees {launcher.root}: " in line for line in lines)
    met = [line for line in lines if f"{launcher.root}'s file system: can do" in line]
    assert len(met) == 2, said.stdout
    assert all("nodes see one another's files" in line for line in met)
    assert list(launcher.root.iterdir()) == []
    # From inside a job, with the account in another case, and a list of partitions.
    other = launcher.cluster_file(account="Research", cpu_partition="cpu,batch")
    inside = ["srun", "--partition=cpu", "--mem-per-cpu=400", sys.executable, "-m", "tsdg"]
    said_there = launcher.cluster.run(*inside, "doctor", f"cluster={other}")
    assert "FAILED" not in said_there
    assert "partition cpu,batch" in said_there
    wrong = {"account": "nobody", "tsdg": {"gpus_per_node": 9}, "timeouts": {"cpu": "99-00:00:00"}}
    done = launcher.call("doctor", f"cluster={launcher.cluster_file(**wrong)}")
    assert done.returncode == 3
    assert "account nobody is not among yours: research" in done.stdout
    refused = [line for line in done.stdout.splitlines() if line.startswith("FAILED       job")]
    assert len(refused) == 2, done.stdout
    assert "its nodes have 8 GPUs as Slurm knows, 9 are asked for" in refused[0]
    assert "partition cpu allows 240 minutes, 99-00:00:00 is asked for" in refused[1]


def test_whether_the_owner_of_a_lease_is_gone_is_known_from_slurm(
    slurm: DevCluster, tmp_path: Path
) -> None:
    ours = dict(line.removeprefix("export ").split("=", 1) for line in slurm.do("env").splitlines())
    environment = {**os.environ, **ours, "SLURM_CLUSTER_NAME": "dev"}
    array = slurm.submit(tmp_path / "%a.out", "--array=0-1", "--requeue", wrap="sleep 100")
    wait_until("both elements run", lambda: slurm.elements(array) == {"RUNNING": 2})
    number = slurm.run("squeue", "-h", "-j", f"{array}_1", "-O", "JobID:32").strip()

    def gone(job: str, restarts: str = "") -> bool:
        owner = replace(
            Owner.current(), slurm_job_id=job, slurm_restarts=restarts, slurm_cluster="dev"
        )
        return SlurmJobs(every_s=0.0, environment=environment).gone(owner)

    assert not gone(number)
    slurm.run("scontrol", "requeue", f"{array}_1")
    wait_until("it is known to be gone", lambda: gone(number), 10)
    wait_until("it runs again", lambda: slurm.elements(array) == {"RUNNING": 2})
    assert gone(number)
    assert not gone(number, "1")
    slurm.run("scancel", array)
    wait_until("the second start is known to be gone", lambda: gone(number, "1"), 30)
    assert gone("424242")
    environment["PATH"] = str(Path(sys.executable).parent)
    assert not gone(array)
