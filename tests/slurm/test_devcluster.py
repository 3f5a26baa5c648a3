"""The dev cluster is a real Slurm, breaks as one does, and leaves nothing behind."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.slurm.lab import DEVCLUSTER, DevCluster, wait_until

pytestmark = pytest.mark.slurm


def processes(folder: Path) -> set[int]:
    """Ids of all the cluster's processes in a folder: the one that started it, and all below."""
    rows = subprocess.run(
        ["ps", "-ewwo", "pid=,ppid=,args="], capture_output=True, text=True, check=True
    ).stdout
    parents, found = {}, set()
    for row in rows.splitlines():
        pid, parent, command = row.split(None, 2)
        parents[int(pid)] = int(parent)
        if f"supervisor.py login {folder}" in command:
            found.add(int(pid))
    while below := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= below
    return found


def mounts() -> set[str]:
    return set(Path("/proc/self/mounts").read_text().splitlines())


def interfaces() -> set[str]:
    return {path.name for path in Path("/sys/class/net").iterdir()}


def networks() -> dict[str, set[int]]:
    """The processes in each network namespace."""
    found: dict[str, set[int]] = {}
    for path in Path("/proc").glob("[0-9]*/ns/net"):
        with contextlib.suppress(OSError):  # it ended meanwhile
            found.setdefault(str(path.readlink()), set()).add(int(path.parts[2]))
    return found


def test_up_does_nothing_where_all_runs(slurm: DevCluster) -> None:
    before = slurm.settings()
    assert "3 nodes" in slurm.do("up", "--nodes", "5")
    assert slurm.settings() == before
    assert set(before["daemons"].values()) == {"up"}


def test_the_printed_environment_makes_the_clients_work_from_this_machine(
    slurm: DevCluster,
) -> None:
    shell_lines = " ".join(slurm.command("env"))
    script = f'eval "$({shell_lines})" && sinfo -h -p batch -o "%D %G" && scontrol show config'
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("3 gpu:h100:8\n")
    assert "MaxArraySize            = 1001" in done.stdout


def test_an_array_runs_its_tasks_on_all_nodes_with_their_own_gpus(
    slurm: DevCluster, tmp_path: Path
) -> None:
    line = 'srun bash -c "echo $SLURM_ARRAY_TASK_ID \\$SLURMD_NODENAME \\$CUDA_VISIBLE_DEVICES"'
    slurm.submit(tmp_path / "%a.out", "--wait", "--array=0-2", "-N2", "--gres=gpu:4", wrap=line)
    for task in range(3):
        said = [row.split() for row in (tmp_path / f"{task}.out").read_text().splitlines()]
        assert {row[0] for row in said} == {str(task)}
        assert len({row[1] for row in said}) == 2
        assert all(len(row[2].split(",")) == 4 for row in said)


def test_accounting_lists_each_element(slurm: DevCluster, tmp_path: Path) -> None:
    job = slurm.submit(tmp_path / "%a.out", "--wait", "--array=0-1%1", wrap="true")
    wait_until(
        "accounting of both",
        lambda: slurm.runs(job) == {f"{job}_{i}": ["COMPLETED"] for i in range(2)},
    )


def test_a_crashed_node_takes_its_jobs_along_and_they_are_requeued(
    slurm: DevCluster, tmp_path: Path
) -> None:
    started = tmp_path / "started"
    job = slurm.submit(
        tmp_path / "out",
        "-N2",
        "-w",
        "node2",
        "--requeue",
        wrap=(
            f"echo $SLURM_RESTART_COUNT. >> {started}; "
            '[ -n "$SLURM_RESTART_COUNT" ] || srun sleep 1000'
        ),
    )
    wait_until("the first start", lambda: started.exists() and slurm.state(job) == "RUNNING")
    slurm.do("crash", "node2")
    assert slurm.call("status").returncode == 1
    assert slurm.settings()["daemons"]["node2"] == "down"
    slurm.do("restore", "node2")
    wait_until("the second run", lambda: slurm.runs(job) == {job: ["NODE_FAIL", "COMPLETED"]})
    assert started.read_text() == ".\n1.\n"
    slurm.do("status")


def test_squeue_works_without_accounting_and_what_happened_meanwhile_is_kept(
    slurm: DevCluster, tmp_path: Path
) -> None:
    slurm.do("stop-dbd")
    try:
        assert slurm.call("exec", "sacct").returncode == 1
        job = slurm.submit(tmp_path / "out", "--wait", wrap="true")
        assert slurm.state(job) == "COMPLETED"
    finally:
        slurm.do("start-dbd")
    wait_until("accounting has caught up", lambda: slurm.runs(job) == {job: ["COMPLETED"]})


def test_jobs_outlive_a_restart_of_the_controller(slurm: DevCluster, tmp_path: Path) -> None:
    go = tmp_path / "go"
    job = slurm.submit(tmp_path / "out", wrap=f"until [ -e {go} ]; do sleep 0.1; done; echo done")
    wait_until("the job runs", lambda: slurm.state(job) == "RUNNING")
    slurm.do("restart-ctld")
    assert slurm.state(job) == "RUNNING"
    go.touch()
    wait_until("the job ends", lambda: slurm.state(job) == "COMPLETED")
    assert (tmp_path / "out").read_text() == "done\n"


@pytest.mark.root
def test_a_container_sees_what_is_mounted_and_nothing_else(
    slurm: DevCluster, tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "file").write_text("content\n")
    flags = ["--container-image=registry/image:1", f"--container-mounts={tmp_path}/data:/data:ro"]
    script = f"cat /data/file; pwd; echo $DEVCLUSTER_CONTAINER_IMAGE; ls {tmp_path} || true"
    out = slurm.run("srun", *flags, "--container-workdir=/data", "bash", "-c", script)
    assert out == "content\n/data\nregistry/image:1\n"
    for wrong in (
        ["--container-image=/no/image.sqsh"],
        [*flags, f"--container-mounts={tmp_path}/no:/x"],
    ):
        done = slurm.call("exec", "srun", *wrong, "true")
        assert done.returncode == 1
        assert "pyxis: no " in done.stderr


@pytest.mark.root
def test_every_node_is_a_machine_of_its_own(slurm: DevCluster) -> None:
    script = (
        "echo $(hostname) $(getent hosts $(hostname) | cut -d' ' -f1) $(ls -d /proc/[0-9]* | wc -l)"
    )
    rows = sorted(
        line.split() for line in slurm.run("srun", "-N3", "bash", "-c", script).splitlines()
    )
    assert [row[:2] for row in rows] == [[f"node{i}", f"10.99.7.1{i}"] for i in (1, 2, 3)]
    assert all(int(row[2]) < 20 for row in rows), "a node sees its own processes only"
    assert slurm.run("hostname") == "login\n"
    assert "10.99.7" not in Path("/proc/net/fib_trie").read_text()


@pytest.mark.root
def test_what_the_login_node_mounts_is_seen_by_all_nodes_and_not_outside(
    slurm: DevCluster, tmp_path: Path
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    slurm.run("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk)
    slurm.run("touch", disk / "file")
    assert slurm.run("srun", "-N3", "ls", disk) == "file\n" * 3
    slurm.run("umount", disk)
    assert not [line for line in mounts() if str(disk) in line]


@pytest.mark.parametrize("mode", [pytest.param("namespaces", marks=pytest.mark.root), "plain"])
def test_nothing_is_left_after_down(mode: str) -> None:
    before = mounts(), interfaces(), set(Path("/run").glob("netns/*"))
    parent = Path(tempfile.mkdtemp(prefix="dc-"))
    cluster = DevCluster(folder=parent / "c")
    try:
        cluster.do("up", "--mode", mode, "--nodes", "2")
        job = cluster.submit(Path("/dev/null"), "-N2", wrap="srun sleep 1000")
        wait_until("the job runs", lambda: cluster.state(job) == "RUNNING")
        own = processes(cluster.folder)
        assert len(own) >= 10
        # Any member tells: between the two listings a process of the cluster may start or end.
        own_networks = {network for network, pids in networks().items() if pids & own}
        own_networks -= {str(Path("/proc/self/ns/net").readlink())}
        assert len(own_networks) == (3 if mode == "namespaces" else 0)
    finally:
        cluster.do("down")
    assert list(parent.iterdir()) == []
    parent.rmdir()
    wait_until(
        "all its processes are gone", lambda: not any(Path(f"/proc/{pid}").exists() for pid in own)
    )
    assert not own_networks & networks().keys()
    assert (mounts(), interfaces(), set(Path("/run").glob("netns/*"))) == before
    assert "nothing of a dev cluster" in cluster.do("down")


@pytest.mark.root
def test_a_user_without_rights_has_a_cluster_too_beside_another(
    slurm: DevCluster, as_nobody: Callable[[str], str]
) -> None:
    said = as_nobody(
        """
        trap '$DEVCLUSTER down >&2' EXIT
        $DEVCLUSTER up >&2
        eval "$($DEVCLUSTER env)"
        srun -N3 --gres=gpu:2 bash -c 'echo $SLURMD_NODENAME $CUDA_VISIBLE_DEVICES $(id -un)' | sort
        sbatch --parsable -w node2 --requeue -o /dev/null --wrap 'sleep 4322'
        until [ "$(squeue -ho %T)" = RUNNING ]; do sleep 0.1; done
        $DEVCLUSTER crash node2
        pgrep -u nobody -x sleep | wc -l
        """
    )
    assert said.splitlines() == [f"node{i} 0,1 nobody" for i in (1, 2, 3)] + ["2", "0"]
    assert set(slurm.settings()["daemons"].values()) == {"up"}


@pytest.fixture
def as_nobody() -> Iterator[Callable[[str], str]]:
    """Run a script as a user without rights, with ``DEVCLUSTER`` as the command and a copy of it
    that he may read."""
    home = Path(tempfile.mkdtemp(prefix="dc-"))
    shutil.copytree(DEVCLUSTER.parent, home / "code")
    shutil.chown(home, "nobody")

    def run(script: str) -> str:
        environment = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": str(home),
            "DEVCLUSTER": f"/usr/bin/env python3 {home}/code/devcluster --folder {home}/c",
        }
        done = subprocess.run(
            [
                "setpriv",
                "--reuid=nobody",
                "--regid=nogroup",
                "--clear-groups",
                "bash",
                "-euc",
                script,
            ],
            capture_output=True,
            text=True,
            env=environment,
            cwd=home,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    yield run
    shutil.rmtree(home)


def test_wrong_requests_are_one_line(slurm: DevCluster, tmp_path: Path) -> None:
    def refused(cluster: DevCluster, *words: str, **environment: str) -> str:
        done = subprocess.run(
            cluster.command(*words),
            capture_output=True,
            text=True,
            env={**os.environ, **environment},
        )
        assert done.stdout == ""
        assert len(done.stderr.splitlines()) == 1
        return f"{done.returncode} {done.stderr}"

    assert refused(slurm, "crash", "node9").startswith(
        "2 devcluster crash: no node node9; there is node1, node2"
    )
    nowhere = DevCluster(folder=tmp_path)
    for words in (["env"], ["exec", "true"], ["crash", "node1"], ["stop-dbd"]):
        assert refused(nowhere, *words).startswith(
            f"1 devcluster {words[0]}: no cluster runs in {tmp_path}"
        )
    with tempfile.NamedTemporaryFile() as file:
        assert "holds other files" in refused(DevCluster(folder=Path(file.name).parent), "up")
    assert "characters" in refused(DevCluster(folder=tmp_path / ("x" * 60)), "up")
    (tmp_path / "python3").symlink_to(sys.executable)
    (tmp_path / "env").symlink_to("/usr/bin/env")
    lacking = refused(DevCluster(folder=tmp_path / "c"), "up", PATH=str(tmp_path))
    assert lacking.startswith("3 devcluster up: not installed: ")
    assert "apt-get install slurm-wlm slurmdbd munge" in lacking
