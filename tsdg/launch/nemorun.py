"""Submits jobs through NeMo-Run's SlurmExecutor, and works around what its version 0.11 lacks.

Import it late: it imports NeMo-Run, which takes more than a second.

Each workaround stands in one place:

- States of arrays are always UNKNOWN, and waiting for an attached one never ends: jobs are
  submitted detached, and their states read from squeue, sacct and the run directory.
- ``retries`` requeues *all* tasks of an array: it stays 0, and ``batch.sh`` requeues its own
  element.
- srun runs in the foreground without traps: ``batch.sh`` makes ``srun`` a function that has them.
- The job's script runs under ``set -x``: the ``setup_lines`` end that.
- The script's first command is a step that asks for an address nobody needs, before any trap is
  set: ``FirstLinesRequest`` puts the lines that source ``batch.sh`` before it.
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
- Commands of Slurm inherit this process's environment, what sbatch prints is taken for a number
  whatever it is, and over ssh a second ssh and ``rsync`` need a login shell that is silent:
  ``CommandWay`` takes the place of the tunnel's ``run`` and ``connect``, and of rsync.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import shlex
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import nemo_run
from nemo_run import config as nemo_run_config
from nemo_run.core.execution.slurm import SlurmBatchRequest, SlurmJobDetails
from nemo_run.core.tunnel.client import Tunnel
from nemo_run.run.torchx_backend.schedulers import slurm as scheduler

from tsdg.errors import MachineError, TsdgError
from tsdg.launch.job_plan import JobPlan, job_name, log_folder, slurm_name
from tsdg.launch.nemorun_way import CommandWay
from tsdg.launch.target import JobPlace
from tsdg.layout import CANARY
from tsdg.scratch import scratch_folder
from tsdg.slurm.cluster import ClusterConfig
from tsdg.slurm.lookup import SCRIPT, comment_of
from tsdg.slurm.slurm_shell import Shell, ssh_of
from tsdg.storage import storage_unfit

_EXPERIMENT: Any = importlib.import_module("nemo_run.run.experiment")
"""By its name, because ``nemo_run.run`` is a function."""
_RSYNC = _EXPERIMENT.rsync


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


def make_executor(
    job: JobPlan, cluster: ClusterConfig, place: JobPlace, run_name: str
) -> nemo_run.SlurmExecutor:
    """Describe one job to NeMo-Run."""
    image = cluster.image_of(gpus=job.gpus)
    return nemo_run.SlurmExecutor(
        **_asked_for(job, cluster),
        **_container(image, place),
        ntasks_per_node=1,
        signal=f"B:USR1@{job.flush_s}",
        job_name_prefix=f"{job_name(run_name)}-",
        additional_parameters=_flags(job, cluster, place),
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
        setup_lines="set +vx",
        poll_estimated_start_time=False,
        dependency_type="afterok" if job.after_ok else "afterany",
    )


def _asked_for(job: JobPlan, cluster: ClusterConfig) -> dict[str, Any]:
    """What a job asks Slurm for; what is empty is left to Slurm."""
    asked = {
        "account": cluster.account,
        "partition": job.partition,
        "qos": job.qos,
        "time": job.time_limit,
        "nodes": job.nodes,
        "gpus_per_node": job.gpus_per_node,
        "exclusive": job.exclusive,
        "array": f"0-{job.array.size - 1}%{job.array.limit}" if job.array else None,
    }
    return {key: value or None for key, value in asked.items()}


def _container(image: str, place: JobPlace) -> dict[str, Any]:
    return {
        "container_image": image or None,
        "container_mounts": list(place.mounts) if image else [],
    }


def _flags(job: JobPlan, cluster: ClusterConfig, place: JobPlace) -> dict[str, Any]:
    """Further flags of sbatch; those of the cluster's file win."""
    flags: dict[str, Any] = {
        "kill_on_invalid_dep": "yes",
        "comment": comment_of(place.run, place.launch, job.name),
        "mail_type": cluster.mail_type,
        "mail_user": cluster.mail_user,
    }
    own = cluster.tsdg.gpu_sbatch if job.gpus else cluster.tsdg.cpu_sbatch
    flags |= {key.replace("-", "_"): value for key, value in own.items()}
    return {key: value for key, value in flags.items() if value is not False and value != ""}


def _first_lines(job: JobPlan, place: JobPlace, cluster: ClusterConfig) -> str:
    in_container = bool(cluster.image_of(gpus=job.gpus))
    python = cluster.tsdg.python or ("python3" if in_container else place.python)
    values = {
        "TSDG_RUN": f"{place.run}/{CANARY}" if job.stage == CANARY else place.run,
        "TSDG_LAUNCH": f"{place.run}/launch",
        "TSDG_STAGES": " ".join(job.stages),
        "TSDG_RETRIES": str(job.retries),
        "TSDG_PYTHON": python,
    }
    exports = [f"export {name}={shlex.quote(value)}" for name, value in values.items()]
    return "\n".join([*exports, f". {place.run}/launch/batch.sh"])


def write_scripts(
    jobs: Sequence[JobPlan], cluster: ClusterConfig, place: JobPlace, *, run_name: str, home: str
) -> dict[str, str]:
    """Make the script of each job, by its name, and neither keep nor submit anything."""
    with (
        _at_home(home),
        scratch_folder("dry-run") as base,
        _experiment(jobs, cluster, place, run_name=run_name, base=str(base)) as whole,
    ):
        whole.dryrun(log=False, delete_exp_dir=False)
        return {job.name: _script(whole, job.name) for job in jobs}


def submit(
    jobs: Sequence[JobPlan],
    cluster: ClusterConfig,
    place: JobPlace,
    *,
    run_name: str,
    home: str,
    taken: Callable[[str, str, str], None],
) -> None:
    """Submit jobs as one NeMo-Run experiment.

    Args:
        jobs: in an order in which they can be submitted.
        cluster: where to.
        place: the run as its jobs see it.
        run_name: name of the run.
        home: ``NEMORUN_HOME``, which holds the experiment.
        taken: called for each job that Slurm has taken, with its name, number and script.

    Raises:
        MachineError: the cluster does not take a job. Those that it took before stay submitted.
        StorageError: NeMo-Run's files cannot be written.
    """
    try:
        with (
            _at_home(home),
            _experiment(jobs, cluster, place, run_name=run_name, base=home) as whole,
        ):
            way = CommandWay(
                Shell(ssh=ssh_of(cluster)),
                lambda name, number: taken(name, number, _script(whole, name)),
            )
            for theirs in whole.jobs:
                way.replace(theirs.executor.tunnel)
            _EXPERIMENT.rsync = way.upload
            try:
                whole.run(detach=True)
            finally:
                _EXPERIMENT.rsync = _RSYNC
    except TsdgError:
        raise
    except OSError as error:
        raise storage_unfit("write", Path(error.filename or home), error) from error
    except Exception as error:
        said = " ".join(str(error).split())[:300]
        raise MachineError(f"NeMo-Run does not submit the jobs: {said}") from error


@contextlib.contextmanager
def _experiment(
    jobs: Sequence[JobPlan], cluster: ClusterConfig, place: JobPlace, *, run_name: str, base: str
) -> Iterator[Any]:
    """An experiment of NeMo-Run with the jobs in it."""
    with _sealed(), _first_lines_in_scripts(jobs, cluster, place):
        whole = nemo_run.Experiment(
            place.launch.rpartition("_")[0],
            id=place.launch,
            executor=make_executor(jobs[0], cluster, place, run_name),
            base_dir=base,
            log_level="ERROR",
            clean_mode=True,
            enable_goodbye_message=False,
            skip_status_at_exit=True,
            threadpool_workers=1,
        )
        _saved_as_shown(whole)
        with whole:
            for job in jobs:
                whole.add(
                    nemo_run.Script(path=f"{place.run}/launch/node.sh"),
                    executor=make_executor(job, cluster, place, run_name),
                    name=job.name,
                    dependencies=[*job.after_ok, *job.after_any],
                )
            for job, theirs in zip(jobs, whole.jobs, strict=True):
                _depend(theirs.executor, job)
            yield whole


def _script(whole: Any, name: str) -> str:
    return (Path(whole._exp_dir) / f"{name}{SCRIPT}").read_text()


@contextlib.contextmanager
def _first_lines_in_scripts(
    jobs: Sequence[JobPlan], cluster: ClusterConfig, place: JobPlace
) -> Iterator[None]:
    """Let NeMo-Run write each job's first lines before its own."""
    lines = {job.name: _first_lines(job, place, cluster) for job in jobs}

    class FirstLinesRequest(SlurmBatchRequest):  # type: ignore[misc]
        def materialize(self) -> str:
            text: str = super().materialize()
            flags, begin, rest = text.partition("\nset -evx\n")
            return f"{flags}\n{lines[self.jobs[0]]}\n{begin}{rest}"

    scheduler.SlurmBatchRequest = FirstLinesRequest
    try:
        yield
    finally:
        scheduler.SlurmBatchRequest = SlurmBatchRequest


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
