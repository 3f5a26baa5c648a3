"""Takes a run to its cluster: checks, files, jobs, record.

This order lets a half-launched run say so.
"""

from __future__ import annotations

import contextlib
import io
import sys
import tarfile
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from tsdg.config.stages import Stage
from tsdg.errors import MachineError, RunConflictError, TsdgError
from tsdg.launch import ship
from tsdg.launch.job_plan import (
    SLURM_DEFAULT_MAX_ARRAY_SIZE,
    JobPlan,
    ModelAndServer,
    job_name,
    log_folder,
    plan_jobs,
    slurm_name,
)
from tsdg.launch.mounts import mounts_of
from tsdg.launch.submission import make_record, settle, withdraw
from tsdg.launch.target import JobPlace, Target
from tsdg.layout import CANARY, JOBS, LAUNCH, SNAPSHOT
from tsdg.slurm.cluster import ClusterConfig
from tsdg.slurm.jobs import add_launch, set_launch
from tsdg.slurm.lookup import jobs_of, names_of_others
from tsdg.slurm.slurm_shell import Shell, max_array_size, ssh_of
from tsdg.storage import make_directory, write_whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """Jobs of a run, with the scripts that NeMo-Run made of them."""

    target: Target
    jobs: tuple[JobPlan, ...]
    scripts: Mapping[str, str]
    job_ids: Mapping[str, str]
    """Job's name → Slurm's number; empty after a dry run."""
    experiment: str
    home: str


def plan_launch(
    target: Target,
    *,
    stages: Sequence[Stage],
    canary_stages: Sequence[Stage],
    units: Mapping[str, int],
    endpoints: Mapping[str, Sequence[ModelAndServer]],
    ask: bool,
) -> tuple[JobPlan, ...]:
    """Plan the jobs.

    Args:
        target: the run.
        stages: what is left of it.
        canary_stages: all stages of its canary; none for a run that needs none.
        units: by phase, at most how many work units are left.
        endpoints: by phase, the models that it asks; of all phases of the run.
        ask: whether to ask the cluster for its MaxArraySize where its file does not have it; else
            Slurm's default.

    Raises:
        UsageError: recipe, model and cluster do not fit one another.
        MachineError: Slurm does not answer.
    """
    limit = target.cluster.tsdg.max_array_size
    if not limit:
        limit = (
            max_array_size(Shell(ssh=ssh_of(target.cluster)))
            if ask
            else SLURM_DEFAULT_MAX_ARRAY_SIZE
        )
    return plan_jobs(
        target.recipe,
        target.cluster,
        stages=stages,
        canary_stages=tuple(stage.name for stage in canary_stages),
        units=units,
        endpoints=endpoints,
        max_array_size=limit,
    )


def write_scripts(target: Target, jobs: Sequence[JobPlan]) -> Launch:
    """Make the jobs' scripts, and neither write nor submit anything."""
    name = _new_id(target)
    nemorun, place = _nemo_run(), _place(target, name, ask=False)
    scripts = nemorun.write_scripts(
        jobs, target.cluster, place, run_name=target.name, home=_home(target)
    )
    return _launch_of(target, jobs, name, scripts=scripts, job_ids={})


def write_any_scripts(cluster: ClusterConfig, jobs: Sequence[JobPlan]) -> dict[str, str]:
    """Make the scripts of jobs of no run, to ask whether Slurm would take them."""
    name = f"tsdg-doctor_{time.time_ns()}"
    place = JobPlace(run="/tsdg-doctor", python=sys.executable, mounts=(), launch=name)
    scripts: dict[str, str] = _nemo_run().write_scripts(
        jobs, cluster, place, run_name="doctor", home=cluster.job_dir or cluster.shared_dir
    )
    return scripts


def launch(target: Target, jobs: Sequence[JobPlan]) -> Launch:
    """Record the jobs in ``launch/jobs.json``, write what the nodes need, and submit them.

    The snapshot of the run, and of its canary where there is one, must be in ``target.here``.

    Raises:
        MachineError: Slurm does not answer, or does not take a job. Then those that it took are
            cancelled, or the message says that nobody knows.
        StorageError: something cannot be written.
    """
    shell = Shell(ssh=ssh_of(target.cluster))
    nemorun, name = _nemo_run(), _new_id(target)
    place = _place(target, name, ask=True)
    _write_for_nodes(target, jobs, shell)
    record = make_record(target, jobs, launch=name, home=_home(target))
    add_launch(
        target.here,
        record,
        cluster=target.recipe.cluster,
        ssh=ssh_of(target.cluster),
        remote=target.run,
    )
    scripts: dict[str, str] = {}

    def taken(job: str, number: str, script: str) -> None:
        nonlocal record
        record = record.numbered({job: number})
        set_launch(target.here, record)
        scripts[job] = script
        path = target.here / next(each.script for each in record.jobs if each.name == job)
        make_directory(path.parent)
        write_whole(path, script.encode())

    try:
        _upload_record(target, shell)
        nemorun.submit(
            jobs,
            target.cluster,
            place,
            run_name=target.name,
            home=_home(target),
            taken=taken,
        )
        _upload_record(target, shell)
    except BaseException as error:
        why = " ".join(str(error).split())
        left = withdraw(target.here, record, shell, why)
        with contextlib.suppress(TsdgError):
            _upload_record(target, shell)
        if isinstance(error, TsdgError):
            raise type(error)(f"the jobs are not submitted: {why}{left}") from error
        print(f"tsdg launch: stopped{left}", file=sys.stderr)
        raise
    numbers = {job.name: job.job_id for job in record.jobs}
    return _launch_of(target, jobs, name, scripts=scripts, job_ids=numbers)


def _launch_of(
    target: Target,
    jobs: Sequence[JobPlan],
    name: str,
    *,
    scripts: Mapping[str, str],
    job_ids: Mapping[str, str],
) -> Launch:
    return Launch(
        target=target,
        jobs=tuple(jobs),
        scripts=scripts,
        job_ids=job_ids,
        experiment=name,
        home=_home(target),
    )


def _write_for_nodes(target: Target, jobs: Sequence[JobPlan], shell: Shell) -> None:
    """Write, and over ssh copy, what the jobs read."""
    secrets = ship.secrets_path(target.cluster, target.name) if target.environment.secret else ""
    ship.write_launch_files(
        target.here,
        target.recipe,
        target.cluster,
        target.environment,
        directory=target.run if target.cluster.ssh_tunnel else str(Path.cwd()),
        secrets=secrets,
    )
    if target.cluster.ssh_tunnel:
        _upload(target, shell, [SNAPSHOT, CANARY, LAUNCH])
        shell.run(["mkdir", "-p", *(f"{target.run}/{log_folder(job)}" for job in jobs)])
        if secrets:
            script = 'umask 077 && mkdir -p "$(dirname "$1")" && cat > "$1"'
            shell.run(
                ["sh", "-c", script, "sh", secrets], data=ship.env_lines(target.environment.secret)
            )
        return
    if secrets:
        ship.write_secrets(Path(secrets), target.environment)
    for job in jobs:
        make_directory(target.here / log_folder(job))


def refuse_second(target: Target, jobs: Sequence[JobPlan]) -> None:
    """Refuse to launch a run that still has jobs, because both would do the same work.

    Jobs of an earlier launch whose numbers never came back are looked for first. Others may have
    launched it: on this machine the record says so, and over ssh their jobs have the same names.

    Args:
        target: what is to be launched.
        jobs: that are to be submitted.

    Raises:
        RunConflictError: jobs of this run are pending or running.
        MachineError: Slurm does not answer.
    """
    shell = Shell(ssh=ssh_of(target.cluster))
    known, names = set[str](), set[str]()
    if _recorded(target):
        record = settle(target.here, shell)
        known, names = {job.job_id for job in record.jobs}, names_of_others(record)
    if shell.ssh:
        names |= {slurm_name(target.cluster, target.name, job) for job in jobs}
    here = f"{target.run}:"
    active = [
        each.number
        for each in jobs_of(shell, names=names)
        if each.active and (each.number in known or each.text.startswith(here))
    ]
    if active:
        raise RunConflictError(
            f"{target.here} is launched already: jobs {', '.join(active)} are pending or running; "
            f"`tsdg status {target.here}` shows them, `tsdg cancel {target.here}` ends them"
        )


def _recorded(target: Target) -> bool:
    return (target.here / JOBS).exists()


def _home(target: Target) -> str:
    """``NEMORUN_HOME`` on this machine."""
    cluster = target.cluster
    return str(target.here / LAUNCH / "experiments") if cluster.ssh_tunnel else cluster.job_dir


def _new_id(target: Target) -> str:
    return f"tsdg-{job_name(target.name)}_{time.time_ns()}"


def _nemo_run() -> ModuleType:
    """The module that imports NeMo-Run, which is slow."""
    try:
        with warnings.catch_warnings():  # of what NeMo-Run imports, about what that imports
            warnings.simplefilter("ignore")
            from tsdg.launch import nemorun
    except ImportError as error:
        raise MachineError(
            f"NeMo-Run cannot be imported ({' '.join(str(error).split())[:120]}); pip install "
            "'tsdg[launch]'"
        ) from error
    return nemorun


def _place(target: Target, name: str, *, ask: bool) -> JobPlace:
    mounts = mounts_of(target, ask=ask)
    return JobPlace(run=target.run, python=sys.executable, mounts=mounts, launch=name)


def _upload(target: Target, shell: Shell, names: Sequence[str]) -> None:
    """Unpack files and folders of the run directory on the cluster."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name in names:
            if (target.here / name).exists():
                archive.add(target.here / name, arcname=name, filter=_without_experiments)
    shell.run(["mkdir", "-p", target.run])
    shell.run(["tar", "-xzf", "-", "-C", target.run], data=buffer.getvalue(), timeout_s=600.0)


def _without_experiments(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    return None if entry.name.startswith(f"{LAUNCH}/experiments") else entry


def _upload_record(target: Target, shell: Shell) -> None:
    """Copy the record to the cluster, where it is somewhere else."""
    if target.cluster.ssh_tunnel and _recorded(target):
        _upload(target, shell, [JOBS, f"{LAUNCH}/scripts"])
