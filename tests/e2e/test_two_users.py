"""Two users of one group at one run, in a folder of their team: with real ids and umasks.

Both may read everything here, as Python may lie where only root gets in; who may write is real.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.conftest import Endpoint
from tests.forks import Forks
from tests.launch.small_slurm import SmallSlurm
from tests.package.make_run import make_run
from tsdg.serving.demo_model import models_dir

pytestmark = pytest.mark.root
Oracle = Callable[..., Endpoint]
TEAM, ANN, BEN = 54321, 54322, 54323
SMALL = ("seeds.cap_per_task=3", "seeds.tasks=[demo_science,demo_facts]", "engine.unit_rows=4")
TOGETHER, APART = 0o007, 0o027


@dataclass(frozen=True)
class Team:
    """A folder as administrators make it: of a group, setgid, writable for the group."""

    forks: Forks
    place: Path

    @property
    def folder(self) -> Path:
        return self.place / "team"

    @property
    def slurm(self) -> SmallSlurm:
        return SmallSlurm(self.place / "slurm")

    def tsdg(self, user: int, umask: int, *words: str | Path) -> tuple[int, str]:
        """Run a command as one of them; its exit code and all that it said."""
        home = self.place / f"home-{user}"
        log = self.place / "logs" / str(len(list((self.place / "logs").iterdir())))
        name = {ANN: "ann", BEN: "ben"}[user]
        environment = {
            "ZYGOTE_USER": f"{user}:{TEAM}:{umask}",
            "HOME": str(home),
            "LOGNAME": name,
            "SMALL_SLURM_USER": name,
            "TMPDIR": str(home),
            "TSDG_CACHE": str(home / "cache"),
            "PATH": f"{self.place}/slurm/bin:{os.environ['PATH']}",
        }
        child = self.forks.start("tsdg", *map(str, words), out=log, environment=environment)
        return child.wait(), child.said()


@pytest.fixture
def team(forks: Forks) -> Iterator[Team]:
    with tempfile.TemporaryDirectory(prefix="tsdg-team-") as name:
        place = Path(name)
        place.chmod(0o755)
        (place / "logs").mkdir()
        (place / "team").mkdir()
        os.chown(place / "team", 0, TEAM)
        (place / "team").chmod(0o2770)
        for user in (ANN, BEN):
            home = place / f"home-{user}"
            (home / "cache").mkdir(parents=True)
            (home / "cache" / "models").symlink_to(models_dir())
            for path in (home, home / "cache"):
                os.chown(path, user, TEAM)
        yield Team(forks, place)


def refused(came: tuple[int, str], where: Path) -> None:
    """It is one line, with the place and what helps."""
    code, said = came
    told = [line for line in said.splitlines() if line.startswith("tsdg: ")]
    assert (code, len(told)) == (3, 1), said
    assert "Traceback" not in said
    assert str(where) in told[0]
    assert "chmod -R g+w" in told[0], told


def begun(team: Team, umask: int, endpoint: Endpoint) -> Path:
    """A run of Ann's that has lost rows."""
    words = ["run", "recipe=demo", "run=r", f"output_root={team.folder}", "engine.attempts=1"]
    endpoint.refuse(0.12)
    code, said = team.tsdg(ANN, umask, *words, *SMALL, *endpoint.overrides())
    assert code == 1, said
    assert "were lost because no server" in " ".join(said.split())
    endpoint.refuse(0)
    return team.folder / "r"


def test_what_one_began_another_reads_retries_resumes_and_merges(
    team: Team, oracle: Oracle
) -> None:
    run = begun(team, TOGETHER, oracle())
    other = team.place / "other"
    make_run(other, seed=1, tasks=1, seeds_per_task=3).package()
    for words in (
        ("status", run),
        ("retry", run),
        ("resume", run),
        ("verify", run),
        ("report", run),
        ("merge", run, other, f"out={team.folder / 'merged'}"),
        ("export", run, "--format", "jsonl", f"out={team.folder / 'exported'}"),
    ):
        code, said = team.tsdg(BEN, TOGETHER, *words)
        assert code == 0, (words, said)
    assert team.tsdg(ANN, TOGETHER, "resume", run)[0] == 0
    made = [path for path in team.folder.rglob("*") if not path.is_symlink()]
    assert {path.stat().st_gid for path in made} == {TEAM}
    assert {path.stat().st_uid for path in made} == {ANN, BEN}
    closed = [path for path in made if not path.stat().st_mode & stat.S_IWGRP]
    assert closed == []


def test_what_may_be_read_only_is_read_and_no_more(team: Team, oracle: Oracle) -> None:
    run = begun(team, APART, oracle())
    before = sorted(run.rglob("*"))
    for words, allowed in ((("status", run), 0), (("verify", run), 0), (("show", run), 0)):
        code, said = team.tsdg(BEN, APART, *words)
        assert code == allowed, (words, said)
    merged = team.folder / "merged"
    shutil.copytree(run, other := team.place / "other")
    assert team.tsdg(BEN, APART, "merge", run, other, f"out={merged}")[0] == 0
    for words in (("retry", run), ("report", run)):
        refused(team.tsdg(BEN, APART, *words), run)
    assert sorted(run.rglob("*")) == before
    (run / "manifest.json").unlink()
    refused(team.tsdg(BEN, APART, "resume", run), run)


@pytest.mark.parametrize("umask", [TOGETHER, APART])
def test_jobs_that_one_launched_are_anothers_to_see_and_not_to_end(team: Team, umask: int) -> None:
    SmallSlurm.at(team.slurm.folder)
    for path in (team.slurm.folder, *team.slurm.folder.rglob("*")):
        path.chmod(0o777)
    cluster = team.folder / "c.yaml"
    cluster.write_text(
        f"executor: slurm\njob_dir: {team.folder}/jobs\ntsdg: {{cpu_sbatch: {{}}}}\n"
    )
    cluster.chmod(0o644)
    endpoint = ("server=openai", "server.base_urls=[http://n1:8000/v1]", "launch.canary=0")
    words = ("launch", "recipe=demo", f"cluster={cluster}", f"output_root={team.folder}")
    code, said = team.tsdg(ANN, umask, *words, "run=r", *SMALL, *endpoint)
    assert code == 0, said
    run, jobs = team.folder / "r", team.slurm.active()
    assert jobs
    code, said = team.tsdg(BEN, umask, "status", run)
    assert code == 0, said
    assert "pending" in said
    for command in ("resume", "retry"):
        code, said = team.tsdg(BEN, umask, command, run)
        if (command, umask) == ("resume", APART):
            refused((code, said), run)
        else:
            assert (code, said.count("\n")) == (2, 1), said
    code, said = team.tsdg(BEN, umask, "cancel", run)
    assert (code, said.count("\n")) == (3, 1), said
    assert "ermission denied" in said
    assert team.slurm.active() == jobs
    # A launch of his own beside it is his own; its scripts go where Ann's are, if she lets him.
    came = team.tsdg(BEN, umask, *words, "run=mine", *SMALL, *endpoint)
    if umask == APART:
        refused(came, team.folder / "jobs")
    else:
        assert came[0] == 0, came[1]
        assert team.tsdg(BEN, umask, "cancel", team.folder / "mine")[0] == 0
    assert team.slurm.active() == jobs
    squeue = team.slurm.folder / "bin" / "squeue"
    working = squeue.read_text()
    squeue.write_text("#!/bin/sh\necho 'Socket timed out' >&2\nexit 1\n")
    for command in ("cancel", "resume", "retry"):  # nobody knows what runs
        code, said = team.tsdg(ANN, umask, command, run)
        assert (code, said.count("\n")) == (3, 1), said
        assert "Socket timed out" in said
    squeue.write_text(working)
    assert team.tsdg(ANN, umask, "cancel", run)[0] == 0
    assert team.slurm.active() == set()
