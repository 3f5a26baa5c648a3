"""Launches of one run exclude one another, from whatever machine, without Slurm's help."""

from __future__ import annotations

import os
import shutil
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.launch.test_submission import composed
from tsdg.errors import MachineError, RunConflictError
from tsdg.launch.one_launch import one_launch
from tsdg.launch.target import Target, find_target
from tsdg.slurm.cluster import parse_cluster


@pytest.fixture(params=["here", "away"])
def target(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Target:
    values: dict[str, object] = {"executor": "slurm", "job_dir": str(tmp_path / "jobs")}
    if request.param == "away":
        values |= {
            "ssh_tunnel": {"host": "login", "user": "me", "job_dir": str(tmp_path / "jobs")},
            "tsdg": {"python": "/usr/bin/python3"},
        }
        # ssh hands its last argument to a shell on the other side, which may say something first.
        ssh = tmp_path / "bin" / "ssh"
        ssh.parent.mkdir()
        ssh.write_text('#!/bin/sh\nfor last; do :; done\necho Welcome\nexec sh -c "$last"\n')
        ssh.chmod(0o755)
        monkeypatch.setenv("PATH", f"{ssh.parent}:/usr/bin:/bin")
    cluster = parse_cluster(values, path=Path("c.yaml"), environ={})
    return find_target(composed(), cluster, tmp_path / "runs" / "mine", dict(os.environ))


def held(target: Target) -> list[Path]:
    return list((Path(target.run) / "launch").iterdir())


def die_while_launching(target: Target) -> None:
    child = os.fork()
    if child == 0:
        with one_launch(target, "who died"):
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)


def wait_until_free(target: Target) -> None:
    deadline = threading.Event()
    for _ in range(500):
        if not held(target):
            return
        deadline.wait(0.01)
    raise AssertionError("still held")


def test_only_one_of_many_launches_goes_on(target: Target) -> None:
    together, done = threading.Barrier(6), threading.Event()

    def attempt(number: int) -> str:
        together.wait()
        try:
            with one_launch(target, f"number {number}"):
                done.wait(20)
                return "held"
        except RunConflictError as error:
            return str(error)

    with ThreadPoolExecutor(6) as pool:
        running = [pool.submit(attempt, number) for number in range(6)]
        refused: list[str] = []
        while len(refused) < 5:
            refused = [run.result() for run in running if run.done()]
        done.set()
    assert [run.result() for run in running].count("held") == 1
    assert all(
        "another launch of it is under way" in said and "number " in said for said in refused
    )
    assert held(target) == []
    with one_launch(target, "next"):
        assert [path.name for path in held(target)] == [".launching.g1"]


def test_who_was_killed_lets_go_at_once_here_and_in_time_over_ssh(target: Target) -> None:
    die_while_launching(target)
    if target.cluster.ssh_tunnel is not None:  # only the connection may be gone
        with pytest.raises(RunConflictError, match="who died; wait"), one_launch(target, "next"):
            pass
        (left,) = held(target)
        os.utime(left, (left.stat().st_mtime - 180,) * 2)
        with one_launch(target, "next"):
            assert [path.name for path in held(target)] == [".launching.g2"]
    wait_until_free(target)
    with one_launch(target, "next"):
        pass


@pytest.mark.parametrize("target", ["away"], indirect=True)
@pytest.mark.parametrize("wrong_s", [-3600, 3600])
def test_whose_clock_is_wrong_robs_nobody_and_waits_for_nobody(
    target: Target, tmp_path: Path, wrong_s: int
) -> None:
    """The file system's clock counts: `date` and `find` of this machine would go by their own."""
    real = shutil.which("find")
    for name in ("find", "date"):
        path = tmp_path / "bin" / name
        path.write_text(f'#!/bin/sh\n[ {wrong_s} -gt 0 ] || exec {real} "$@"\nexit 0\n')
        path.chmod(0o755)
    die_while_launching(target)
    with pytest.raises(RunConflictError, match="who died; wait"), one_launch(target, "next"):
        pass
    (left,) = held(target)
    os.utime(left, (left.stat().st_mtime + wrong_s,) * 2)  # nobody touches it
    with one_launch(target, "next"):
        assert [path.name for path in held(target)] == [".launching.g2"]


def test_a_folder_that_cannot_be_written_is_one_line(target: Target) -> None:
    Path(target.run).parent.mkdir(parents=True)
    Path(target.run).touch()
    said = r"cannot be launched there: .*runs/mine"
    with pytest.raises(MachineError, match=said) as caught, one_launch(target, "me"):
        pass
    assert "\n" not in str(caught.value)
