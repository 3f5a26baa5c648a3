"""Never a job without a record, never a record without a job that is not said to be gone.

A launch is killed at each of its calls of Slurm, before and after they take effect, and each call
fails in each way. What Slurm then has is compared with what the run's record says.
"""

from __future__ import annotations

import inspect
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import count
from pathlib import Path
from types import FrameType

import pytest

import tsdg
from tests.launch.small_slurm import SmallSlurm
from tsdg.config.compose import compose_recipe
from tsdg.config.recipe import Recipe
from tsdg.config.stages import stages
from tsdg.errors import MachineError, RunConflictError, StorageError, TsdgError
from tsdg.launch import submission
from tsdg.launch.cancel import cancel
from tsdg.launch.job_plan import JobPlan
from tsdg.launch.launch_run import launch_prepared
from tsdg.launch.submission import settle
from tsdg.launch.submit import launch, plan_launch, refuse_second
from tsdg.launch.target import Target, find_target
from tsdg.layout import CODE, JOBS
from tsdg.run.prepare import prepare
from tsdg.slurm.cluster import parse_cluster, read_cluster
from tsdg.slurm.jobs import read_jobs
from tsdg.slurm.slurm_shell import Shell
from tsdg.storage import write_whole

# NeMo-Run's own commands run through a library that leaves the ends of its pipes open.
pytestmark = [
    pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
SHELL = Shell(ssh=None)
PACKAGE = str(Path(tsdg.__file__).parent)
JOBS_OF_A_LAUNCH = 3
"""Those of a phase whose seeds are there."""


@dataclass(frozen=True)
class Lab:
    """A run to launch and the Slurm that takes it."""

    slurm: SmallSlurm
    target: Target
    jobs: tuple[JobPlan, ...]

    def launch(self) -> None:
        refuse_second(self.target, self.jobs)
        launch(self.target, self.jobs)

    def launch_and_die(self) -> int:
        """Launch in a process of its own; returns the signal that ended it, or 0."""
        child = os.fork()
        if child == 0:
            try:
                self.launch()
            finally:
                os._exit(0)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    @property
    def recorded(self) -> set[str]:
        """Numbers in the record, once what is open in it is settled."""
        if not (self.target.here / JOBS).exists():
            return set()
        return {job.job_id for job in settle(self.target.here, SHELL).jobs}


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    slurm = SmallSlurm.at(tmp_path / "slurm")
    monkeypatch.setenv("PATH", f"{slurm.folder / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setattr(submission, "_PAUSE_S", 0.0)
    return make_lab(tmp_path, slurm)


@cache
def composed() -> Recipe:
    endpoint = ["server=openai", "server.base_urls=[http://n1:8000/v1]"]
    return compose_recipe(
        ["recipe=demo", "launch.canary=0", "phases=[[questions,answers]]", *endpoint]
    )


def make_lab(folder: Path, slurm: SmallSlurm, **keys: object) -> Lab:
    recipe = composed()
    values = {"executor": "slurm", "job_dir": str(folder / "jobs"), **keys}
    cluster = parse_cluster(values, path=Path("c.yaml"), environ={})
    target = find_target(recipe, cluster, folder / "runs" / "mine", {})
    (target.here / CODE).parent.mkdir(parents=True, exist_ok=True)
    (target.here / CODE).write_bytes(b"")
    jobs = plan_launch(
        target,
        stages=stages(recipe.phases)[1:],
        canary_stages=(),
        units={"questions-answers": 1},
        endpoints={"questions-answers": [(recipe.model, recipe.server)]},
        ask=False,
    )
    assert len(jobs) == JOBS_OF_A_LAUNCH
    return Lab(slurm, target, jobs)


def test_a_launch_that_is_not_disturbed_records_its_jobs(lab: Lab) -> None:
    lab.launch()
    assert lab.slurm.active() == lab.recorded == {"100", "101", "102"}
    asked = [call for call in lab.slurm.calls() if call.startswith("sbatch")]
    assert "--dependency=afterany:100 " in asked[1]
    assert "--dependency=afterok:101 " in asked[2]
    script = lab.target.here / read_jobs(lab.target.here).jobs[0].script
    assert script.read_text().startswith("#!/bin/bash")


CALLS = range(1, 2 + JOBS_OF_A_LAUNCH)
"""One squeue, then one sbatch for each job."""


@pytest.mark.parametrize("when", ["killed-before", "killed-after"])
@pytest.mark.parametrize("call", CALLS)
def test_a_launch_that_is_killed_leaves_no_job_that_is_not_recorded(
    lab: Lab, call: int, when: str
) -> None:
    lab.slurm.fail((call, when))
    assert lab.launch_and_die() == -signal.SIGKILL
    lab.slurm.fail()
    left = lab.slurm.active()
    assert lab.recorded == left
    if left:
        with pytest.raises(RunConflictError, match="is launched already: jobs "):
            refuse_second(lab.target, lab.jobs)
    if (lab.target.here / JOBS).exists():
        ended = cancel(settle(lab.target.here, SHELL), SHELL, sleep=lambda _: None)
        assert {job.job.job_id for job in ended} == left
    assert lab.slurm.active() == set()
    lab.launch()
    assert lab.slurm.active() <= lab.recorded


FAILURES = [(1, "refused"), (1, "late"), (1, "down")] + [
    (call, kind) for call in CALLS[1:] for kind in ("refused", "late", "down", "silent", "printed")
]


@pytest.mark.parametrize(("call", "kind"), FAILURES)
def test_where_a_call_fails_what_was_submitted_is_cancelled(lab: Lab, call: int, kind: str) -> None:
    lab.slurm.fail((call, kind))
    with pytest.raises(MachineError) as caught:
        lab.launch()
    said = str(caught.value)
    assert "\n" not in said
    assert lab.slurm.active() == set()
    cancelled = lab.slurm.all()
    assert all(number in said for number in cancelled)
    assert ("are cancelled" in said) == bool(cancelled)
    lab.slurm.fail()
    assert lab.recorded <= cancelled
    lab.launch()
    assert lab.slurm.active() <= lab.recorded


@pytest.mark.parametrize("call", CALLS[1:])
def test_where_slurm_stays_away_nobody_says_that_jobs_are_cancelled(lab: Lab, call: int) -> None:
    lab.slurm.fail(*((number, "down") for number in range(call, 200)))
    with pytest.raises(MachineError, match="nobody knows what is left of its jobs") as caught:
        lab.launch()
    assert "are cancelled" not in str(caught.value)
    assert "`tsdg cancel " in str(caught.value)
    lab.slurm.fail()
    assert lab.recorded == lab.slurm.active()
    assert len(lab.slurm.active()) == call - 2


@pytest.mark.parametrize("at", range(2, 2 + JOBS_OF_A_LAUNCH))
@pytest.mark.parametrize("ever", [True, False])
def test_where_the_record_cannot_be_written_no_job_stays(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, at: int, ever: bool
) -> None:
    """The record is written before the first job, and after each one."""
    writes = count(1)

    def full(path: Path, data: bytes) -> None:
        if (number := next(writes)) == at or (ever and number > at):
            raise StorageError(f"cannot write {path}: No space left on device")
        write_whole(path, data)

    with monkeypatch.context() as patch:
        patch.setattr("tsdg.slurm.jobs.write_whole", full)
        with pytest.raises(MachineError, match=r"cannot write .*jobs\.json.* are cancelled"):
            lab.launch()
    assert lab.slurm.active() == set()
    lab.launch()
    assert lab.slurm.active() <= lab.recorded


@pytest.mark.parametrize("call", [0, 2, 3])
def test_what_a_colleague_launched_is_not_launched_again(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, call: int
) -> None:
    """Also where the launch was killed before it could note its jobs' numbers."""
    with monkeypatch.context() as ann:
        ann.setenv("SMALL_SLURM_USER", "ann")
        ann.setenv("LOGNAME", "ann")
        lab.slurm.fail((call, "killed-after"))
        lab.launch_and_die()
        lab.slurm.fail()
    monkeypatch.setenv("SMALL_SLURM_USER", "ben")
    monkeypatch.setenv("LOGNAME", "ben")
    waiting = lab.slurm.active()
    assert waiting
    with pytest.raises(RunConflictError, match=f"jobs {', '.join(sorted(waiting))} are pending"):
        lab.launch()
    assert lab.slurm.active() == lab.recorded == waiting


def test_a_job_that_slurm_took_late_is_found_and_cancelled_by_the_next_command(lab: Lab) -> None:
    lab.slurm.fail((3, "down"))
    with pytest.raises(MachineError, match="looks for late ones"):
        lab.launch()
    record = read_jobs(lab.target.here).latest
    late = f"{lab.target.cluster.job_dir}/experiments/x/{record.id}/package_sbatch.sh"
    (lab.slurm.folder / "whose" / "900").write_text("me mine-package\n")
    (lab.slurm.folder / "jobs" / "900").write_text(f"900|PENDING||{late}\n")
    element = "900|N/A|PENDING||None|mine-package\n"
    (lab.slurm.folder / "elements" / "900").write_text(element)
    lab.slurm.fail()
    with pytest.raises(RunConflictError, match="jobs 900 are pending or running"):
        refuse_second(lab.target, lab.jobs)
    cancel(settle(lab.target.here, SHELL), SHELL, sleep=lambda _: None)
    assert lab.slurm.active() == set()


def test_what_a_site_prints_around_the_number_is_no_number(lab: Lab) -> None:
    lab.slurm.fail(*((number, "banner") for number in CALLS[1:]))
    lab.launch()
    assert lab.slurm.active() == lab.recorded
    assert all("Welcome" not in call for call in lab.slurm.calls())


def test_what_a_site_prints_before_the_queue_is_no_job(lab: Lab) -> None:
    lab.slurm.fail(*((number, "warned") for number in range(1, 200)))
    lab.launch()
    assert lab.slurm.active() == lab.recorded
    ended = cancel(settle(lab.target.here, SHELL), SHELL, sleep=lambda _: None)
    assert len(ended) == JOBS_OF_A_LAUNCH
    assert lab.slurm.active() == set()


def test_of_several_clusters_the_number_alone_counts(lab: Lab) -> None:
    lab.slurm.fail(*((number, "clustered") for number in CALLS[1:]))
    lab.launch()
    assert lab.slurm.active() == lab.recorded
    assert all(";" not in call for call in lab.slurm.calls())


def test_a_comment_of_the_users_own_wins_and_jobs_are_found_all_the_same(
    lab: Lab, tmp_path: Path
) -> None:
    reaper = '{"OccupiedIdleGPUsJobReaper": {"exemptIdleTimeMins": "60"}}'
    flags = {"cpu_sbatch": {"comment": reaper}}
    mine = make_lab(tmp_path, lab.slurm, tsdg=flags)
    lab.slurm.fail((3, "killed-after"))
    assert mine.launch_and_die() == -signal.SIGKILL
    script = next(Path(mine.target.cluster.job_dir).rglob("package_sbatch.sh")).read_text()
    assert f"#SBATCH --comment='{reaper}'\n" in script
    lab.slurm.fail()
    assert mine.recorded == lab.slurm.active() == {"100", "101"}


def test_an_account_without_a_name_launches(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found: 4242")

    monkeypatch.setattr("getpass.getuser", nobody)
    lab.launch()
    assert read_jobs(lab.target.here).latest.user == f"uid {os.getuid()}"


def test_a_disk_that_is_full_at_any_write_of_the_record_leaves_no_job(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = submission.set_launch
    for failing in range(1, 1 + JOBS_OF_A_LAUNCH):
        shutil.rmtree(lab.slurm.folder / "jobs")
        (lab.slurm.folder / "jobs").mkdir()
        monkeypatch.setattr("tsdg.launch.submit.set_launch", failing_at(failing, real))
        with pytest.raises(TsdgError, match="disk is full"):
            lab.launch()
        assert lab.slurm.active() == set()


def failing_at(call: int, real: Callable[..., object]) -> Callable[..., object]:
    left: Iterator[bool] = iter([False] * (call - 1) + [True])

    def write(*args: object) -> object:
        if next(left, False):
            raise MachineError("launch/jobs.json cannot be written: the disk is full")
        return real(*args)

    return write


def test_of_two_launches_at_once_one_is_refused(lab: Lab, tmp_path: Path) -> None:
    place = [f"output_root={tmp_path}", "run=both", f"cluster={tmp_path / 'c.yaml'}"]
    keys = "tsdg: {max_array_size: 1000}"
    (tmp_path / "c.yaml").write_text(f"executor: slurm\njob_dir: {tmp_path / 'jobs'}\n{keys}\n")
    endpoint = ["server=openai", "server.base_urls=[http://n1:8000/v1]", "launch.canary=0"]
    prepared = prepare(compose_recipe(["recipe=demo", *place, *endpoint]), mirror_here=True)
    cluster = read_cluster(str(tmp_path / "c.yaml"), {})
    children = []
    for _ in range(2):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                launch_prepared(prepared, cluster, [], dry_run=False)
                code = 0
            except RunConflictError:
                code = 2
            finally:
                os._exit(code)
        children.append(child)
    codes = sorted(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children)
    assert codes == [0, 2]
    record = read_jobs(tmp_path / "both")
    assert len(record.launches) == 1
    assert {job.job_id for job in record.jobs} == lab.slurm.active()


def test_from_a_prepared_run_to_its_scripts_few_modules_are_entered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a reader goes through: modules in which a function runs, apart from imports."""
    cluster = parse_cluster(
        {"executor": "slurm", "job_dir": str(tmp_path)}, path=Path("c.yaml"), environ={}
    )
    place = [f"output_root={tmp_path}", "run=read", "launch.canary=0"]
    prepared = prepare(compose_recipe(["recipe=demo", *place]), mirror_here=True)
    entered = set()

    def note(frame: FrameType, event: str, _: object) -> None:
        code = frame.f_code
        if event == "call" and code.co_flags & inspect.CO_OPTIMIZED and PACKAGE in code.co_filename:
            entered.add(code.co_filename)

    sys.setprofile(note)
    try:
        assert launch_prepared(prepared, cluster, [], dry_run=True)
    finally:
        sys.setprofile(None)
    assert 10 < len(entered) < 40, sorted(entered)
