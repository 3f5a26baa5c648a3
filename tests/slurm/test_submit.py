"""What a launch promises of its jobs, on a real Slurm.

All are submitted or none, once, without secrets, and after a canary.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.slurm.lab import Endpoint, Launcher, logs, wait_until

pytestmark = pytest.mark.slurm
Oracle = Callable[..., Endpoint]
NOWHERE = ["server=openai", "server.base_urls=[http://10.99.7.1:9/v1]"]


def test_where_one_job_is_refused_none_is_left(launcher: Launcher) -> None:
    file = launcher.cluster_file(partition="nowhere")
    words = [
        "launch",
        "recipe=demo",
        "run=refused",
        f"output_root={launcher.root}",
        f"cluster={file}",
    ]
    done = launcher.call(*words, "launch.canary=0")
    assert done.returncode == 3
    assert "the jobs are not submitted: " in done.stderr
    assert "Invalid partition name specified" in done.stderr
    assert done.stderr.count("\n") == 1
    launcher.wait(60)
    assert not (launcher.root / "refused/launch/jobs.json").exists()


def test_the_shell_that_launches_has_no_say(launcher: Launcher) -> None:
    """As in a batch job of another partition, at a centre whose modules set much."""
    theirs = {
        "SBATCH_PARTITION": "short",
        "SBATCH_TIMELIMIT": "1",
        "SBATCH_EXPORT": "NONE",
        "SBATCH_JOB_NAME": "other",
        "SBATCH_GPUS_PER_NODE": "1",
        "SBATCH_ACCOUNT": "nobody",
        "SLURM_JOB_ID": "424242",
        "SLURM_MEM_PER_CPU": "400",
        "SLURM_STEP_GPUS": "7",
        "SLURM_TIME_FORMAT": "relative",
        "SQUEUE_FORMAT": "%i",
        "SQUEUE_STATES": "CANCELLED",
        "SACCT_FORMAT": "JobID",
        "VLLM_API_KEY": "of-another-server",
        "PYTHONSTARTUP": "/nowhere",
        "TZ": "Pacific/Kiritimati",
        "http_proxy": "http://127.0.0.1:9",
    }
    launcher.environment.update(theirs)
    seen = launcher.folder / "seen"
    keys = {"gpus_per_node": 0, "exclusive": False, "cpu_sbatch": {"mem": "2G", "export": "NONE"}}
    run = launcher.launch(
        "mine", *NOWHERE, "launch.canary=0", tsdg=keys | {"setup": [f"env >{seen}"]}
    )
    jobs = launcher.jobs(run)
    pending = ["squeue", "--me", "-h", "-o", "%j|%P|%l|%b"]
    assert set(launcher.cluster.run(*pending).splitlines()) >= {
        f"mine-{name}|cpu|30:00|N/A" for name in ("answers", "package")
    }
    wait_until("the seeds are there", lambda: (run / "seeds/seeds.parquet").exists(), 60)
    kept = set(theirs) & {line.partition("=")[0] for line in seen.read_text().splitlines()}
    # What Slurm sets itself; with export=NONE nothing else of the shell comes along.
    assert kept <= {"SLURM_JOB_ID", "TZ", "http_proxy"}
    assert "\nSLURM_JOB_ID=424242\n" not in seen.read_text()
    assert "\nPYTHONNOUSERSITE=1\n" in seen.read_text()
    launcher("cancel", str(run))
    assert launcher.cluster.run("squeue", "--me", "-h") == ""
    assert set(jobs) == {
        job["name"] for job in json.loads(launcher("status", str(run), "--json"))["jobs"]
    }


def test_a_run_with_jobs_is_not_launched_twice(launcher: Launcher) -> None:
    run = launcher.launch("once", *NOWHERE, "launch.canary=0")
    words = [
        "launch",
        "recipe=demo",
        "run=once",
        f"output_root={launcher.root}",
        f"cluster={launcher.cluster_file()}",
    ]
    done = launcher.call(*words, *NOWHERE, "launch.canary=0")
    assert done.returncode == 2
    assert f"{run} is launched already: jobs " in done.stderr


def test_a_canary_that_fails_is_all_that_runs(launcher: Launcher) -> None:
    run = launcher.launch(
        "sick", *NOWHERE, "engine.attempts=1", "engine.request_timeout_s=5", "seeds.cap_per_task=2"
    )
    jobs = launcher.jobs(run)
    launcher.cluster.run("scancel", jobs["canary"])
    launcher.wait()
    ran = {
        name
        for name, job in jobs.items()
        if any("COMPLETED" in s for s in launcher.cluster.runs(job).values())
    }
    assert ran == {"seeds"}, logs(run)
    began = {path.parent.name for path in (run / "logs").rglob("*.out")}
    assert began <= {"seeds", "canary"}


def test_jobs_in_containers_see_all_they_need_and_secrets_stay_secret(
    launcher: Launcher, oracle: Oracle
) -> None:
    endpoint = oracle()
    python, image = Path(sys.executable), launcher.folder / "tsdg.sqsh"
    image.touch()
    keys = {
        "containers": {"vllm": str(image)},
        "mounts": [
            f"{path}:{path}"
            for path in {str(python.resolve().parents[1]), str(Path.home() / ".cache")}
        ],
        "env_vars": ["HF_TOKEN=hunter2", "NASTY=a 'b' $HOME; echo hunter3"],
        "tsdg": {
            "container": "vllm",
            "cpu_container": "vllm",
            "python": str(python),
            "exclusive": False,
        },
    }
    words = ["engine.unit_rows=16", "launch.canary=1", "seeds.tasks=[demo_science,demo_facts]"]
    run = launcher.launch("boxed", *endpoint.overrides(), *words, **keys)
    launcher.wait()
    assert (run / "manifest.json").exists(), logs(run)
    launcher("verify", str(run))
    for folder in (run, launcher.folder / "jobs" / "experiments"):
        for path in folder.rglob("*"):
            assert not path.is_file() or b"hunter2" not in path.read_bytes(), path
