"""How far ``squeue``'s answers (of Slurm 22.05) are trusted, and how often it is asked."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from tsdg.engine.owner import Owner
from tsdg.engine.slurm import SlurmJobs, is_over


def owner(job: str = "17", restarts: str = "", cluster: str = "eos") -> Owner:
    return replace(
        Owner.current(), slurm_cluster=cluster, slurm_job_id=job, slurm_restarts=restarts
    )


@pytest.mark.parametrize(
    ("restarts", "out", "over"),
    [
        ("", "17 RUNNING 0", False),
        ("", "17 COMPLETING 0", False),
        ("", "17 SUSPENDED 0", False),
        ("", "17 CONFIGURING 0", False),
        ("", "17 COMPLETED 0", True),
        ("", "17 NODE_FAIL 0", True),
        ("", "17 PENDING 0", True),
        ("", "17 PENDING 1", True),
        ("", "17 RUNNING 1", True),
        ("1", "17 RUNNING 1", False),
        ("1", "17 RUNNING 2", True),
        ("2", "17 RUNNING 1", False),
        ("", "17 A_STATE_OF_TOMORROW 0", False),
        ("", "18 COMPLETED 0", False),
        ("", "17 COMPLETED N/A", False),
        ("", "17 COMPLETED 0\n18 RUNNING 0", True),
        ("", "17 RUNNING 0\n18 COMPLETED 0", False),
        ("", "17 COMPLETED 0\n17 RUNNING 0", False),
        ("", "", False),
    ],
)
def test_only_what_is_certain_counts(restarts: str, out: str, over: bool) -> None:
    assert is_over(owner(restarts=restarts), code=0, out=out + "\n" if out else "", err="") is over


@pytest.mark.parametrize(
    ("err", "over"),
    [
        ("slurm_load_jobs error: Invalid job id specified\n", True),
        ("slurm_load_jobs error: Unable to contact slurm controller (connect failure)\n", False),
        ("slurm_load_jobs error: Socket timed out on send/recv operation\n", False),
    ],
)
def test_a_forgotten_job_is_over_and_a_controller_that_is_away_says_nothing(
    err: str, over: bool
) -> None:
    assert is_over(owner(), code=1, out="", err=err) is over


class Cluster:
    """A directory with a ``squeue`` that prints a file and counts its calls."""

    def __init__(self, path: Path) -> None:
        self.path, self.log, self.now = path, path / "asked", 0.0
        script = path / "squeue"
        script.write_text(
            f'#!/bin/sh\necho "$@" >> {self.log}\ncat {path}/answer\nexit $(cat {path}/code)\n'
        )
        script.chmod(0o755)
        self.answers("")

    def answers(self, out: str, code: int = 0) -> None:
        (self.path / "answer").write_text(out)
        (self.path / "code").write_text(str(code))

    def asked(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []

    def jobs(self, name: str = "eos") -> SlurmJobs:
        environment = {"PATH": f"{self.path}:{os.environ['PATH']}", "SLURM_CLUSTER_NAME": name}
        return SlurmJobs(every_s=30.0, environment=environment, monotonic=lambda: self.now)


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    return Cluster(tmp_path)


def test_a_job_is_asked_for_now_and_then_and_never_again_once_it_is_over(cluster: Cluster) -> None:
    jobs = cluster.jobs()
    cluster.answers("17 RUNNING 0\n")
    assert [jobs.gone(owner()) for _ in range(5)] == [False] * 5
    assert len(cluster.asked()) == 1
    assert cluster.asked()[0].startswith("--noheader --states=all --jobs=17 --Format=JobID:")
    cluster.answers("17 FAILED 0\n")
    cluster.now = 29.0
    assert not jobs.gone(owner())
    cluster.now = 30.0
    assert jobs.gone(owner())
    assert jobs.gone(owner())
    assert len(cluster.asked()) == 2
    assert not jobs.gone(owner("18"))
    assert len(cluster.asked()) == 3


def test_owners_of_no_job_of_another_cluster_and_without_squeue_are_not_asked_for(
    cluster: Cluster,
) -> None:
    cluster.answers("17 FAILED 0\n")
    assert not cluster.jobs().gone(owner(job=""))
    assert not cluster.jobs().gone(owner(cluster="other"))
    assert not cluster.jobs("other").gone(owner())
    assert not SlurmJobs(
        every_s=1.0, environment={"PATH": "/nowhere", "SLURM_CLUSTER_NAME": "eos"}
    ).gone(owner())
    assert cluster.asked() == []
    assert cluster.jobs().gone(owner())
