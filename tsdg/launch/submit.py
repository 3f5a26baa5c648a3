"""Takes a run to its cluster: checks, files, jobs, record.

This order lets a half-launched run say so.
"""

from __future__ import annotations

import getpass
import io
import platform
import sys
import tarfile
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from tsdg import cache
from tsdg.config.recipe import Recipe
from tsdg.config.roles import models_named
from tsdg.config.stages import Stage
from tsdg.errors import MachineError, RunConflictError, UsageError
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
from tsdg.layout import CANARY, JOBS, LAUNCH, SNAPSHOT
from tsdg.slurm.cluster import ClusterConfig
from tsdg.slurm.jobs import ArrayRecord, JobRecord, LaunchRecord, add_launch, read_jobs
from tsdg.slurm.slurm_shell import Shell, active_jobs, max_array_size, ssh_of
from tsdg.storage import make_directory, write_whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A run and its cluster."""

    recipe: Recipe
    cluster: ClusterConfig
    here: Path
    """The run directory on this machine; over ssh, a local copy of what a launch needs."""
    run: str
    """The run directory on the cluster."""
    environment: ship.Environment

    @property
    def name(self) -> str:
        """Name of the run."""
        return self.here.name


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


def find_target(
    recipe: Recipe, cluster: ClusterConfig, directory: Path, environ: Mapping[str, str]
) -> Target:
    """Check what a launch needs beside the recipe, and say where the run will be.

    Args:
        recipe: the recipe.
        cluster: its cluster.
        directory: the run directory, as the recipe has it.
        environ: environment of this process.

    Raises:
        UsageError: a place that no job can use, or a variable that is not set.
    """
    if cluster.ssh_tunnel:
        if not directory.is_absolute():
            raise UsageError(
                f"output_root={recipe.output_root}: over ssh it must be an absolute path on "
                f"cluster {cluster.name}"
            )
        if not cluster.tsdg.python:
            raise UsageError(
                f"cluster {cluster.name}: over ssh tsdg.python must name the Python of its nodes"
            )
        here, run = cache.root(environ) / "launched" / cluster.name / directory.name, str(directory)
    else:
        here = directory.expanduser().absolute()
        run = str(here)
    ship.check_path("output_root and run", run)
    ship.check_path(f"cluster {cluster.name}: job_dir", cluster.shared_dir)
    return Target(
        recipe=recipe,
        cluster=cluster,
        here=here,
        run=run,
        environment=ship.job_environment(recipe, cluster, environ),
    )


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
    return _through_nemo_run(target, jobs, dry_run=True)


def launch(target: Target, jobs: Sequence[JobPlan]) -> Launch:
    """Write what the nodes need, submit the jobs and record them in ``launch/jobs.json``.

    The snapshot of the run, and of its canary where there is one, must be in ``target.here``.

    Raises:
        MachineError: Slurm does not answer, or does not take a job; then none is left
            submitted.
        StorageError: something cannot be written.
    """
    shell = Shell(ssh=ssh_of(target.cluster))
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
    else:
        if secrets:
            ship.write_secrets(Path(secrets), target.environment)
        for job in jobs:
            make_directory(target.here / log_folder(job))
    done = _through_nemo_run(target, jobs, dry_run=False)
    _note(done)
    if target.cluster.ssh_tunnel:
        _upload(target, shell, [JOBS, f"{LAUNCH}/scripts"])
    return done


def refuse_second(target: Target) -> None:
    """Refuse to launch a run that still has jobs, because both would do the same work.

    Raises:
        RunConflictError: jobs of this run are pending or running.
        MachineError: Slurm does not answer.
    """
    if not (target.here / JOBS).exists():
        return
    active = active_jobs(Shell(ssh=ssh_of(target.cluster)))
    known = [job.job_id for job in read_jobs(target.here).jobs if job.job_id in active]
    if known:
        raise RunConflictError(
            f"{target.here} is launched already: jobs {', '.join(known)} are pending or running; "
            f"`tsdg status {target.here}` shows them, `tsdg cancel {target.here}` ends them"
        )


def _through_nemo_run(target: Target, jobs: Sequence[JobPlan], *, dry_run: bool) -> Launch:
    cluster = target.cluster
    home = str(target.here / LAUNCH / "experiments") if cluster.ssh_tunnel else cluster.job_dir
    try:
        with warnings.catch_warnings():  # of what NeMo-Run imports, about what that imports
            warnings.simplefilter("ignore")
            from tsdg.launch import nemorun
    except ImportError as error:
        raise MachineError(
            f"NeMo-Run cannot be imported ({' '.join(str(error).split())[:120]}); pip install "
            "'tsdg[launch]'"
        ) from error
    experiment = f"tsdg-{job_name(target.name)}_{time.time_ns()}"
    done = nemorun.submit(
        jobs,
        cluster,
        nemorun.JobPlace(run=target.run, python=sys.executable, mounts=mounts_of(target)),
        run_name=target.name,
        home=home,
        experiment=experiment,
        dry_run=dry_run,
    )
    return Launch(
        target=target,
        jobs=tuple(jobs),
        scripts=done.scripts,
        job_ids=done.job_ids,
        experiment=done.experiment,
        home=home,
    )


def mounts_of(target: Target) -> tuple[str, ...]:
    """The cluster's mounts, plus what jobs need: run, weights, inputs, secrets."""
    recipe, cluster = target.recipe, target.cluster
    mounts = list(cluster.mounts)
    python = Path(cluster.tsdg.python)
    weights = [model.path for model in models_named(recipe)]
    read = [
        recipe.seeds.mirror,
        recipe.passages.path,
        *recipe.filter.decontaminate.files,
        *recipe.filter.dedup.against,
    ]
    places = [
        target.run,
        *weights,
        *read,
        recipe.server.api_key_file,
        *(str(p) for p in python.parents[1:2]),
    ]
    if not cluster.ssh_tunnel:
        places.append(str(Path.cwd()))
    if target.environment.secret:
        places.append(str(Path(ship.secrets_path(cluster, target.name)).parent))
    places.append(cluster.tsdg.env_file)
    for place in places:
        path = str(Path(place).expanduser()) if place else ""
        targets = [mount.split(":")[1] for mount in mounts]
        within = any(f"{path}/".startswith(f"{there}/") for there in targets)
        if len(path) > 1 and path.startswith("/") and not within:
            mounts.append(f"{path}:{path}")
    return tuple(mounts)


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


def _note(done: Launch) -> None:
    """Keep each job's script, and write the record."""
    target, records = done.target, []
    for job in done.jobs:
        script = f"{LAUNCH}/scripts/{done.job_ids[job.name]}-{job.name}.sh"
        make_directory((target.here / script).parent)
        write_whole(target.here / script, done.scripts[job.name].encode())
        records.append(
            JobRecord(
                name=job.name,
                stage=job.stage,
                stages=job.stages,
                job_id=done.job_ids[job.name],
                slurm_name=slurm_name(target.cluster, target.name, job),
                array=ArrayRecord(**asdict(job.array)) if job.array else None,
                link=job.link,
                gpus=job.gpus,
                nodes=job.nodes,
                gpus_per_node=job.gpus_per_node,
                partition=job.partition,
                qos=job.qos,
                time_limit=job.time_limit,
                retries=job.retries,
                after_ok=job.after_ok,
                after_any=job.after_any,
                script=script,
                logs=log_folder(job),
            )
        )
    add_launch(
        target.here,
        LaunchRecord(
            id=done.experiment,
            home=done.home,
            submitted=datetime.now(UTC).isoformat(timespec="seconds"),
            host=platform.node(),
            user=getpass.getuser(),
            jobs=tuple(records),
        ),
        cluster=target.recipe.cluster,
        ssh=ssh_of(target.cluster),
        remote=target.run,
    )
