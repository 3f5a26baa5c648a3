"""Submits jobs through NeMo-Run's SlurmExecutor, and works around what its version 0.11 lacks.

Import it late: it imports NeMo-Run, which takes more than a second.

Each workaround stands in one place:

- States of arrays are always UNKNOWN, and waiting for an attached one never ends: jobs are
  submitted detached, and their states read from squeue, sacct and the run directory.
- ``retries`` requeues *all* tasks of an array: it stays 0, and ``batch.sh`` requeues its own
  element.
- srun runs in the foreground without traps: ``setup_lines`` make ``srun`` a function that has them.
- The job's script runs under ``set -x``: the first of the ``setup_lines`` ends that.
- Environment values and arguments are unquoted: there are none of either but paths, which are
  checked.
- A job may have dependencies of one kind only: ``_depend`` lets a gather job wait for the success
  of one job and the end of others.
- srun kills the nodes that are still at work 60 s after the first has ended: ``--wait=0``, and
  ``--kill-on-bad-exit=0`` if nodes are independent.
- The packager ships HEAD: there is none, and the snapshot's code is shipped.
- The script of ``__main__`` is kept, and an interactive one raises; commands read this process's
  standard input; logging is set up anew: ``_sealed`` prevents all of these.
- A poll of squeue per job goes on in threads: it is switched off.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shlex
import sys
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import nemo_run
from nemo_run import config as nemo_run_config
from nemo_run.core.execution.slurm import SlurmJobDetails
from nemo_run.core.tunnel.client import Tunnel
from nemo_run.run.torchx_backend.schedulers import slurm as scheduler

from tsdg.errors import MachineError
from tsdg.launch.job_plan import JobPlan, job_name, log_folder, slurm_name
from tsdg.layout import CANARY
from tsdg.slurm.cluster import ClusterConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPlace:
    """Where a run is, as its jobs see it."""

    run: str
    """The run directory."""
    python: str
    """Of bare jobs."""
    mounts: tuple[str, ...]
    """Of jobs in containers."""


@dataclass(kw_only=True)
class RunLogs(SlurmJobDetails):  # type: ignore[misc]
    """Logs in the run directory: one file per node, with the array element in its name."""

    in_array: bool = False

    @property
    def stdout(self) -> Path:
        """Log of the batch shell; NeMo-Run writes ``%A_%a`` for ``%j`` in arrays."""
        return Path(str(self.folder)) / "%j.out"

    @property
    def ls_term(self) -> str:
        """What ``nemo experiment logs`` shows the first of: logs of nodes, else of the shell."""
        return f"{self.folder}/%j*.log {self.folder}/%j*.out"

    @property
    def srun_stdout(self) -> Path:
        """Log of the processes of each node."""
        return Path(str(self.folder)) / ("%A_%a.node%n.log" if self.in_array else "%j.node%n.log")


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """What NeMo-Run made of the jobs."""

    experiment: str
    scripts: Mapping[str, str]
    """Job's name → the text of its sbatch script."""
    job_ids: Mapping[str, str]
    """Job's name → Slurm's number; empty after a dry run."""


def make_executor(
    job: JobPlan, cluster: ClusterConfig, place: JobPlace, run_name: str
) -> nemo_run.SlurmExecutor:
    """Describe one job to NeMo-Run."""
    image = cluster.image_of(gpus=job.gpus)
    flags: dict[str, Any] = {"kill_on_invalid_dep": "yes", "comment": place.run}
    for key in ("mail_type", "mail_user"):
        if getattr(cluster, key):
            flags[key] = getattr(cluster, key)
    own = cluster.tsdg.gpu_sbatch if job.gpus else cluster.tsdg.cpu_sbatch
    flags |= {key.replace("-", "_"): value for key, value in own.items() if value is not False}
    return nemo_run.SlurmExecutor(
        account=cluster.account or None,
        partition=job.partition or None,
        qos=job.qos or None,
        time=job.time_limit or None,
        nodes=job.nodes,
        ntasks_per_node=1,
        gpus_per_node=job.gpus_per_node or None,
        exclusive=True if job.exclusive else None,
        array=f"0-{job.array.size - 1}%{job.array.limit}" if job.array else None,
        signal=f"B:USR1@{job.flush_s}",
        job_name_prefix=f"{job_name(run_name)}-",
        additional_parameters=flags,
        container_image=image or None,
        container_mounts=list(place.mounts) if image else [],
        srun_args=[
            "--wait=0",
            f"--kill-on-bad-exit={int(job.together)}",
            "--open-mode=append",
            "--cpu-bind=none",
            "--mpi=none",
            *cluster.tsdg.srun,
        ],
        job_details=RunLogs(
            job_name=slurm_name(cluster, run_name, job),
            folder=f"{place.run}/{log_folder(job)}",
            in_array=job.array is not None,
        ),
        tunnel=make_tunnel(cluster),
        packager=nemo_run.Packager(),
        retries=0,
        env_vars={},
        setup_lines=_setup_lines(job, place, bool(image), cluster),
        poll_estimated_start_time=False,
        dependency_type="afterok" if job.after_ok else "afterany",
    )


def _setup_lines(job: JobPlan, place: JobPlace, in_container: bool, cluster: ClusterConfig) -> str:
    python = cluster.tsdg.python or ("python3" if in_container else place.python)
    values = {
        "TSDG_RUN": f"{place.run}/{CANARY}" if job.stage == CANARY else place.run,
        "TSDG_LAUNCH": f"{place.run}/launch",
        "TSDG_STAGES": " ".join(job.stages),
        "TSDG_RETRIES": str(job.retries),
        "TSDG_PYTHON": python,
    }
    exports = [f"export {name}={shlex.quote(value)}" for name, value in values.items()]
    return "\n".join(["set +vx", *exports, f". {place.run}/launch/batch.sh"])


def submit(
    jobs: Sequence[JobPlan],
    cluster: ClusterConfig,
    place: JobPlace,
    *,
    run_name: str,
    home: str,
    experiment: str,
    dry_run: bool,
) -> Submitted:
    """Submit jobs as one NeMo-Run experiment, or only write their scripts.

    Args:
        jobs: in an order in which they can be submitted.
        cluster: where to.
        place: the run as its jobs see it.
        run_name: name of the run.
        home: ``NEMORUN_HOME``, which holds the experiment.
        experiment: its id, ``<title>_<number>``.
        dry_run: write the scripts into a temporary folder and submit nothing.

    Raises:
        MachineError: the cluster does not take a job; those that it took are cancelled.
    """
    with contextlib.ExitStack() as stack:
        stack.enter_context(_at_home(home))
        stack.enter_context(_sealed())
        base = (
            stack.enter_context(tempfile.TemporaryDirectory(prefix="tsdg-dry-run-"))
            if dry_run
            else home
        )
        whole = nemo_run.Experiment(
            experiment.rpartition("_")[0],
            id=experiment,
            executor=make_executor(jobs[0], cluster, place, run_name),
            base_dir=base,
            log_level="ERROR",
            clean_mode=True,
            enable_goodbye_message=False,
            skip_status_at_exit=True,
            threadpool_workers=1,
        )
        _saved_as_shown(whole)
        stack.enter_context(whole)
        for job in jobs:
            whole.add(
                nemo_run.Script(path=f"{place.run}/launch/node.sh"),
                executor=make_executor(job, cluster, place, run_name),
                name=job.name,
                dependencies=[*job.after_ok, *job.after_any],
            )
        for job, theirs in zip(jobs, whole.jobs, strict=True):
            _depend(theirs.executor, job)
        if dry_run:
            whole.dryrun(log=False, delete_exp_dir=False)
        else:
            _run(whole)
        ids = (
            {}
            if dry_run
            else {job.name: _job_id(theirs) for job, theirs in zip(jobs, whole.jobs, strict=True)}
        )
        return Submitted(experiment=experiment, scripts=_scripts(jobs, whole), job_ids=ids)


def _saved_as_shown(whole: Any) -> None:
    """Be silent now, but not for who reads the experiment later.

    ``clean_mode`` is kept with the experiment, and ``nemo experiment status`` and ``logs``, which
    rebuild it, would print nothing at all.
    """
    as_it_is = whole.to_config

    def to_config() -> Any:
        config = as_it_is()
        config.clean_mode = False
        return config

    whole.to_config = to_config


@contextlib.contextmanager
def _at_home(home: str) -> Iterator[None]:
    """Keep what NeMo-Run knows of the experiment in ``home``, and leave the caller's alone."""
    before, jobs_before = nemo_run_config.get_nemorun_home(), scheduler.SLURM_JOB_DIRS
    nemo_run_config.set_nemorun_home(home)
    # Read at its import, from the home of then.
    scheduler.SLURM_JOB_DIRS = str(Path(home).expanduser() / ".slurm_jobs")
    try:
        yield
    finally:
        nemo_run_config.set_nemorun_home(before)
        scheduler.SLURM_JOB_DIRS = jobs_before


def _depend(executor: Any, job: JobPlan) -> None:
    """Let a job depend on others in two ways at once, which NeMo-Run cannot.

    NeMo-Run has one kind per job, and joins the numbers after it by colons.
    """
    if not (job.after_ok and job.after_any):
        return
    numbers = executor.parse_deps

    def parse_deps() -> list[str]:
        found: list[str] = numbers()
        count = len(job.after_ok)
        return (
            [*found[: count - 1], f"{found[count - 1]},afterany", *found[count:]] if found else []
        )

    executor.parse_deps = parse_deps


def _run(whole: Any) -> None:
    """Submit all jobs; where one is refused, cancel what was submitted before it."""
    try:
        whole.run(detach=True)
    except BaseException as error:
        taken = [_job_id(job) for job in whole.jobs if job.handle]
        if taken:
            whole.jobs[0].executor.tunnel.run(f"scancel {' '.join(taken)}", warn=True)
        if not isinstance(error, Exception):
            raise
        cancelled = (
            f"; jobs {', '.join(taken)} were submitted before and are cancelled" if taken else ""
        )
        raise MachineError(
            f"the cluster does not take the jobs: {_reason(error)}{cancelled}"
        ) from error


def _reason(error: Exception) -> str:
    """What the command said that failed, on one line."""
    result = getattr(error, "result", None)
    said = (getattr(result, "stderr", "") or "").strip() or str(error)
    return " ".join(said.split())[:300]


def _job_id(job: Any) -> str:
    """The job number in ``slurm_tunnel://nemo_run/4711``; a federation adds ``;cluster``."""
    number: str = job.handle.partition("://")[2].split("/")[1]
    return number.partition(";")[0]


def _scripts(jobs: Sequence[JobPlan], whole: Any) -> dict[str, str]:
    folder = Path(whole._exp_dir)
    return {job.name: (folder / f"{job.name}_sbatch.sh").read_text() for job in jobs}


@contextlib.contextmanager
def _sealed() -> Iterator[None]:
    """Keep NeMo-Run from this process's script, standard input, logging and warnings.

    It keeps the source of ``__main__`` beside each experiment: that would be the user's script,
    whatever is in it, and in an interactive session there is none, which it does not expect.
    """
    stand_in = ModuleType("__main__")
    stand_in.__file__ = __file__
    main, stdin, root = sys.modules["__main__"], sys.stdin, logging.getLogger()
    handlers, level = root.handlers[:], root.level
    with Path(os.devnull).open() as nothing, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sys.modules["__main__"], sys.stdin = stand_in, nothing
        try:
            yield
        finally:
            sys.modules["__main__"], sys.stdin = main, stdin
            root.handlers[:] = handlers
            root.setLevel(level)


def make_tunnel(cluster: ClusterConfig) -> Tunnel:
    """The way to the cluster's commands and files: ssh, or this machine."""
    ssh = cluster.ssh_tunnel
    if ssh is None:
        return nemo_run.LocalTunnel(job_dir="")
    return nemo_run.SSHTunnel(
        host=ssh.host,
        user=ssh.user,
        job_dir=ssh.job_dir,
        identity=ssh.identity or None,
        shell=ssh.shell or None,
        pre_command=ssh.pre_command or None,
        port=cluster.tsdg.ssh_port,
    )
