"""`slurm/job/batch.sh`: which exits are requeued, how often, and how signals are passed on.

Slurm's own commands are stand-ins here, so that each fault comes when it shall; the whole runs on a
real Slurm in `test_real_slurm.py`.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from tsdg.installation import packaged
from tsdg.shellvars import unset_in_job_script

BATCH = packaged("slurm") / "job" / "batch.sh"


@dataclass(frozen=True)
class Lab:
    """A folder with an `srun` that does what STEP says, and an `scontrol` that notes what it is
    asked."""

    folder: Path

    def start(
        self,
        step: str,
        *,
        stages: str = "questions",
        retries: int = 3,
        begins: bool = True,
        **env: str,
    ) -> subprocess.Popen[str]:
        (self.folder / "unset.sh").write_text(unset_in_job_script())
        (self.folder / "began").mkdir(exist_ok=True)
        began = ': >"$TSDG_BEGAN"' if begins else ""
        (self.folder / "srun").write_text(
            f"#!/bin/bash\n{began}\necho $TSDG_STAGE $@ >> {self.folder}/steps\n{step}\n"
        )
        says = (
            f'#!/bin/bash\nif [ "$1" = show ]; then cat {self.folder}/job; '
            f"else echo $@ >> {self.folder}/asked; fi\n"
        )
        (self.folder / "scontrol").write_text(says)
        for name in ("srun", "scontrol"):
            (self.folder / name).chmod(0o755)
        script = f". {BATCH}\nsrun --label bash node.sh\nexit $?\n"
        environ = {
            "PATH": f"{self.folder}:{os.environ['PATH']}",
            "SLURM_JOB_ID": "7",
            "TSDG_LAUNCH": str(self.folder),
            "TSDG_STAGES": stages,
            "TSDG_RETRIES": str(retries),
            **env,
        }
        return subprocess.Popen(
            ["bash", "-c", script], env=environ, stdout=subprocess.PIPE, text=True
        )

    def run(self, step: str, **kwargs: object) -> tuple[int, str]:
        process = self.start(step, **kwargs)  # type: ignore[arg-type]
        out, _ = process.communicate(timeout=60)
        return process.returncode, out

    def warn(self, process: subprocess.Popen[str], number: signal.Signals) -> int:
        """Signal the batch shell once its step has begun."""
        while not (self.folder / "begun").exists():
            time.sleep(0.01)
            assert process.poll() is None
        process.send_signal(number)
        process.communicate(timeout=60)
        return process.returncode

    def lines(self, name: str) -> list[str]:
        path = self.folder / name
        return path.read_text().splitlines() if path.exists() else []


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


def flushing(lab: Lab, code: int) -> str:
    """A step that ends with a code when it hears SIGUSR1 or SIGTERM."""
    return f"trap 'exit {code}' USR1 TERM\ntouch {lab.folder}/begun\nwhile :; do sleep 0.02; done"


ELEMENT = {"SLURM_ARRAY_JOB_ID": "5", "SLURM_ARRAY_TASK_ID": "2"}


def test_a_time_limit_requeues_this_element_alone(lab: Lab) -> None:
    assert lab.warn(lab.start(flushing(lab, 130), **ELEMENT), signal.SIGUSR1) == 130
    assert lab.lines("asked") == ["requeue 5_2"]


def test_a_job_that_is_no_array_is_requeued_by_its_number(lab: Lab) -> None:
    assert lab.warn(lab.start(flushing(lab, 130)), signal.SIGUSR1) == 130
    assert lab.lines("asked") == ["requeue 7"]


def test_work_that_ended_in_time_is_not_done_again(lab: Lab) -> None:
    assert lab.warn(lab.start(flushing(lab, 0)), signal.SIGUSR1) == 0
    assert lab.lines("asked") == []


def test_scancel_is_final(lab: Lab) -> None:
    (lab.folder / "job").write_text(
        "JobId=7 JobState=COMPLETING Reason=None PreemptEligibleTime=2026 PreemptTime=None\n"
    )
    step = f"touch {lab.folder}/begun\nsleep 0.3\nexit 130"
    assert lab.warn(lab.start(step), signal.SIGTERM) == 130
    assert lab.lines("asked") == []


def test_what_stops_in_the_grace_time_of_a_preemption_is_requeued(lab: Lab) -> None:
    (lab.folder / "job").write_text(
        "JobState=RUNNING Reason=None\n PreemptEligibleTime=2026 PreemptTime=2026-11-21\n"
    )
    assert lab.run("exit 130", **ELEMENT)[0] == 130
    assert lab.lines("asked") == ["requeue 5_2"]


@pytest.mark.parametrize("code", [0, 1, 2, 3, 130])
def test_what_would_only_happen_again_is_not_requeued(lab: Lab, code: int) -> None:
    assert lab.run(f"exit {code}")[0] == code
    assert lab.lines("asked") == []


def test_a_fault_of_the_nodes_file_system_is_requeued(lab: Lab) -> None:
    assert lab.run("exit 75", **ELEMENT)[0] == 75
    assert lab.lines("asked") == ["requeue 5_2"]


def test_what_was_killed_is_requeued_so_often_and_no_more(lab: Lab) -> None:
    assert lab.run("exit 137", SLURM_RESTART_COUNT="2")[0] == 137
    assert lab.lines("asked") == ["requeue 7"]
    code, out = lab.run("exit 137", SLURM_RESTART_COUNT="3")
    assert code == 137
    assert "launch.retries allows no more" in out
    assert lab.lines("asked") == ["requeue 7"]


def test_stages_run_in_order_and_those_without_servers_on_one_node(lab: Lab) -> None:
    assert lab.run("exit 0", stages="seeds questions questions.gather package")[0] == 0
    assert lab.lines("steps") == [
        "seeds --export=ALL --nodes=1 --ntasks=1 --label bash node.sh",
        "questions --export=ALL --label bash node.sh",
        "questions.gather --export=ALL --nodes=1 --ntasks=1 --label bash node.sh",
        "package --export=ALL --nodes=1 --ntasks=1 --label bash node.sh",
    ]


def test_a_stage_that_fails_is_the_last(lab: Lab) -> None:
    assert (
        lab.run('[ "$TSDG_STAGE" != questions ] || exit 1', stages="seeds questions package")[0]
        == 1
    )
    assert [line.split()[0] for line in lab.lines("steps")] == ["seeds", "questions"]


def test_a_warning_between_stages_stops_before_the_next(lab: Lab) -> None:
    step = f"trap 'exit 0' USR1\ntouch {lab.folder}/begun\nwhile :; do sleep 0.02; done"
    assert lab.warn(lab.start(step, stages="seeds questions"), signal.SIGUSR1) == 130
    assert [line.split()[0] for line in lab.lines("steps")] == ["seeds"]


def test_srun_gets_the_cores_of_the_job(lab: Lab) -> None:
    assert (
        lab.run(f"echo $SRUN_CPUS_PER_TASK > {lab.folder}/cores", SLURM_CPUS_PER_TASK="12")[0] == 0
    )
    assert lab.lines("cores") == ["12"]


@pytest.mark.parametrize("code", [1, 255])
def test_a_step_that_srun_did_not_start_is_final(lab: Lab, code: int) -> None:
    found, out = lab.run(f"exit {code}", begins=False)
    assert (found, lab.lines("asked")) == (code, [])
    assert f"tsdg: srun started no process (exit code {code})" in out


def test_a_step_that_was_lost_after_its_start_is_requeued(lab: Lab) -> None:
    assert lab.run("exit 255")[0] == 255
    assert lab.lines("asked") == ["requeue 7"]


def test_the_address_of_the_first_node_is_no_step(lab: Lab) -> None:
    lab.run("exit 0")
    script = f'. {BATCH}\nip=$(srun --nodes=1 -w n1 hostname --ip-address)\necho "<$ip>"\n'
    environ = {
        "PATH": f"{lab.folder}:/usr/bin:/bin",
        "TSDG_LAUNCH": str(lab.folder),
        "TSDG_STAGES": "seeds",
        "SLURM_JOB_ID": "7",
    }
    done = subprocess.run(["bash", "-c", script], env=environ, capture_output=True, text=True)
    assert (done.stdout, len(lab.lines("steps"))) == ("<>\n", 1)


def test_what_the_submitting_shell_had_does_not_reach_the_step(lab: Lab) -> None:
    theirs = {
        "SLURM_MEM_PER_CPU": "400",
        "SLURM_STEP_GPUS": "7",
        "SLURM_EXPORT_ENV": "NONE",
        "SBATCH_PARTITION": "short",
        "PYTHONHOME": "/nowhere",
        "VLLM_API_KEY": "key",
        "LD_PRELOAD": "",
        "SLURM_CONF": "/etc/slurm.conf",
        "SLURM_CPUS_ON_NODE": "4",
        "CUDA_VISIBLE_DEVICES": "3",
        "MINE": "stays",
    }
    assert lab.run(f"env | cut -d= -f1 > {lab.folder}/env", **theirs)[0] == 0
    reached = set(lab.lines("env")) & set(theirs)
    # The last but one are the batch shell's own.
    assert reached == {"SLURM_CONF", "SLURM_CPUS_ON_NODE", "CUDA_VISIBLE_DEVICES", "MINE"}
