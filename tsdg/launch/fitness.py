"""Checks whether this machine, a recipe and a cluster are fit, each with a :class:`Check`."""

from __future__ import annotations

import importlib.util
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from tsdg.config.recipe import Recipe
from tsdg.config.roles import models_named
from tsdg.config.snapshot import PACKAGES
from tsdg.errors import MachineError, TsdgError
from tsdg.launch.check import Check, Verdict, Wanted, attempt
from tsdg.launch.endpoint_probe import ask_endpoint, read_key
from tsdg.launch.job_plan import JobPlan
from tsdg.launch.preflight import check_cluster
from tsdg.launch.reach import refuse_loopback
from tsdg.slurm.cluster import ClusterConfig
from tsdg.slurm.slurm_shell import Shell, ssh_of

if TYPE_CHECKING:
    from tsdg.run.prepare import Prepared
    from tsdg.run.roles import ServedModel

_LOW_GIB = 1.0


def examine(
    recipe: Recipe | None, cluster: ClusterConfig | None, environ: Mapping[str, str]
) -> tuple[Check, ...]:
    """Make all checks.

    Args:
        recipe: what should run; None to check only the machine and the cluster.
        cluster: where; None for this machine.
        environ: environment of this process.
    """
    slurm = cluster if cluster is not None and cluster.executor == "slurm" else None
    away = slurm is not None and slurm.ssh_tunnel is not None
    checks = [attempt("python", _versions)]
    if slurm is not None:
        checks.append(attempt("nemo-run", _nemo_run))
    checks.append(_sandbox())
    if recipe is not None:
        if not away:
            root = Path(recipe.output_root)
            checks.append(attempt(f"output_root {root}", lambda: _disk(root)))
        checks += _recipe(recipe, slurm, mirror_here=not away)
    if slurm is not None:
        shell = Shell(ssh=ssh_of(slurm))
        if recipe is not None:
            checks += _loopback(recipe, shell)
        checks += check_cluster(slurm, shell, _wanted(recipe, slurm, environ))
    return tuple(checks)


def _wanted(recipe: Recipe | None, cluster: ClusterConfig, environ: Mapping[str, str]) -> Wanted:
    """What a cluster must have: for a recipe, or for any."""
    away = cluster.ssh_tunnel is not None
    contained = cluster.container_of(gpus=False) or cluster.container_of(gpus=True)
    folders = [cluster.shared_dir]
    if recipe is not None:
        root = Path(recipe.output_root)
        folders.append(str(root if away else root.expanduser().absolute()))
    return Wanted(
        folders=tuple(folders),
        readable=tuple(_places(recipe, away=away)) if recipe is not None else (),
        python=cluster.tsdg.python or ("python3" if contained else sys.executable),
        endpoints=tuple(_endpoints(recipe)) if recipe is not None else (),
        scripts=partial(_scripts, recipe, cluster, environ),
    )


def _scripts(
    recipe: Recipe | None, cluster: ClusterConfig, environ: Mapping[str, str]
) -> list[tuple[JobPlan, str]]:
    """The jobs that a launch would submit, with their scripts; one of each kind for no recipe."""
    from tsdg.launch.launch_run import plan_whole
    from tsdg.launch.submit import write_any_scripts, write_scripts
    from tsdg.launch.target import find_target
    from tsdg.run.prepare import prepare

    if recipe is None:
        jobs: tuple[JobPlan, ...] = _any_jobs(cluster)
        scripts = write_any_scripts(cluster, jobs)
    else:
        prepared = prepare(recipe, mirror_here=cluster.ssh_tunnel is None)
        target = find_target(recipe, cluster, prepared.directory, environ)
        jobs = plan_whole(replace(prepared, directory=target.here), target, ask=True)
        scripts = dict(write_scripts(target, jobs).scripts) if jobs else {}
    return [(job, scripts[job.name]) for job in jobs]


def _any_jobs(cluster: ClusterConfig) -> tuple[JobPlan, ...]:
    """One job with GPUs and one without, as any recipe would ask for them."""
    return tuple(
        JobPlan(
            name="with-GPUs" if gpus else "without-GPUs",
            stage="",
            stages=(),
            gpus=gpus,
            array=None,
            link=0,
            nodes=1,
            gpus_per_node=cluster.tsdg.gpus_per_node
            if gpus and not cluster.disable_gpus_per_node
            else 0,
            exclusive=gpus and cluster.tsdg.exclusive,
            together=False,
            partition=cluster.partition_of(gpus=gpus),
            qos=cluster.tsdg.qos if gpus else cluster.tsdg.cpu_qos,
            time_limit=cluster.time_limit_of(cluster.partition_of(gpus=gpus)),
            flush_s=0,
            retries=0,
            after_ok=(),
            after_any=(),
        )
        for gpus in (True, False)
    )


def _external(recipe: Recipe) -> list[ServedModel]:
    """The models that endpoints serve which are up already."""
    from tsdg.run.roles import served_models

    served = dict.fromkeys(each for steps in recipe.phases for each in served_models(recipe, steps))
    return [each for each in served if each.server.type == "openai"]


def _endpoints(recipe: Recipe) -> list[dict[str, str]]:
    """What a node asks of endpoints; of a key only where it is."""
    return [
        {
            "url": url,
            "model": served.model.name,
            "env": served.server.api_key_env,
            "file": served.server.api_key_file,
        }
        for served in _external(recipe)
        for url in served.server.base_urls
    ]


def _loopback(recipe: Recipe, shell: Shell) -> list[Check]:
    try:
        refuse_loopback([served.server for served in _external(recipe)], shell)
    except TsdgError as error:
        return [Check(name="endpoints", verdict="FAILED", said=" ".join(str(error).split()))]
    return []


def _places(recipe: Recipe, *, away: bool) -> list[str]:
    """What nodes must be able to read: mirror and weights.

    Of names that may be a hub's, those that are here.
    """
    named = [recipe.seeds.mirror, *(model.path for model in models_named(recipe))]
    if away:
        return [path for path in named if path.startswith("/")]
    found = [Path(path).expanduser().absolute() for path in named if path]
    return list(dict.fromkeys(str(path) for path in found if path.exists()))


def _versions() -> str:
    missing = [
        name
        for name in PACKAGES
        if importlib.util.find_spec(name.replace("-", "_")) is None and not _installed(name)
    ]
    if missing:
        raise MachineError(
            f"{', '.join(missing)} not installed; install tsdg with its dependencies"
        )
    number = ".".join(str(part) for part in sys.version_info[:3])
    return (
        f"{number}, tsdg {metadata.version('tsdg') if _installed('tsdg') else 'from its checkout'}"
    )


def _installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def _nemo_run() -> str:
    if not _installed("nemo-run"):
        raise MachineError("is not installed; pip install 'tsdg[launch]'")
    return metadata.version("nemo-run")


def _sandbox() -> Check:
    """Needed only by answers that are code: without it everything else works."""
    from tsdg.verify.sandbox import WALLS, Sandbox

    reasons = []
    for wall in WALLS:
        try:
            Sandbox(wall).submit("", []).result()
        except MachineError as error:
            reasons.append(" ".join(str(error).split()))
        else:
            return Check(name="sandbox", verdict="ok", said=f"{wall} works")
    said = f"{reasons[0] if reasons else 'none'}; only families whose answers are code need it"
    return Check(name="sandbox", verdict="not checked", said=said)


def _disk(root: Path) -> str:
    folder = root.expanduser().absolute()
    there = next(path for path in (folder, *folder.parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
        free = shutil.disk_usage(there).free / 2**30
    except OSError as error:
        raise MachineError(
            f"{there} cannot be written ({error.strerror}); choose another output_root="
        ) from error
    if free < _LOW_GIB:
        raise MachineError(
            f"{there} has {free:.2f} GiB free; free some space, or choose another output_root="
        )
    return f"can be written, {free:.0f} GiB free"


def _recipe(recipe: Recipe, cluster: ClusterConfig | None, *, mirror_here: bool) -> list[Check]:
    from tsdg.package.tokens import find_tokenizer
    from tsdg.run.prepare import fits_of, prepare
    from tsdg.run.roles import served_models
    from tsdg.run.verifiers import check_verifiers_ready

    prepared: Prepared | None = None
    try:
        prepared = prepare(recipe, mirror_here=mirror_here)
        seen = "" if mirror_here else "; the mirror is on the cluster and was not looked at"
        tasks = len({source.task for source in prepared.sources})
        checks = [Check(name="recipe and mirror", verdict="ok", said=f"{tasks} tasks{seen}")]
    except TsdgError as error:
        checks = [
            Check(name="recipe and mirror", verdict="FAILED", said=" ".join(str(error).split()))
        ]
    if prepared is not None:
        sources = prepared.sources
        checks.append(_try("verifiers", lambda: check_verifiers_ready(recipe, sources), "ready"))
        checks += [Check(name="memory", verdict="ok", said=line) for line in fits_of(recipe)]
    if not mirror_here:
        checks.append(
            Check(name="servers", verdict="not checked", said="the weights are on the cluster")
        )
        return checks
    checks.append(_try("tokenizer", lambda: find_tokenizer(recipe.model.path), recipe.model.path))
    endpoints: dict[ServedModel, None] = {}
    for steps in recipe.phases:
        endpoints |= dict.fromkeys(served_models(recipe, steps))
    checks += [check for endpoint in endpoints for check in _servers(endpoint, cluster)]
    return checks


def _servers(endpoint: ServedModel, cluster: ClusterConfig | None) -> list[Check]:
    """A served model.

    Where nodes serve it, this machine's GPUs do not matter, but its flags are checked all the same.
    """
    from tsdg.serving.checks import check_server, find_executable
    from tsdg.serving.flags import check_flags

    server, model = endpoint.server, endpoint.model
    name = f"server of {model.name}"
    if server.type == "openai":
        form = _try(name, lambda: check_server(server, model), "endpoints and key are well formed")
        if cluster is not None:
            return [form]  # nodes ask them: this machine may reach others
        key = read_key(server.api_key_env, server.api_key_file)
        return [form, *(_answers(url, model.name, key) for url in server.base_urls)]
    if cluster is None:
        return [
            _try(
                name,
                lambda: check_server(server, model),
                "command, weights, flags and GPUs are fit",
            )
        ]
    if cluster.container_of(gpus=True):
        return [
            Check(
                name=name,
                verdict="not checked",
                said="it is in the image; the canary of a launch starts it",
            )
        ]
    return [
        _try(
            name,
            lambda: check_flags(server, model, find_executable(server)),
            "command and flags are fit",
        )
    ]


def _answers(url: str, model: str, key: str) -> Check:
    verdict, said = ask_endpoint(url, model, key)
    right: Verdict = "ok" if verdict == "ok" else "FAILED"
    return Check(name=f"endpoint {url}", verdict=right, said=said)


def _try(name: str, look: Callable[[], object], well: str) -> Check:
    try:
        look()
    except TsdgError as error:
        return Check(name=name, verdict="FAILED", said=" ".join(str(error).split()))
    return Check(name=name, verdict="ok", said=well)
