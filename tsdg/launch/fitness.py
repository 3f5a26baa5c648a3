"""Checks whether this machine, a recipe and a cluster are fit, each with a :class:`Check`."""

from __future__ import annotations

import importlib.util
import shutil
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from tsdg.config.recipe import Recipe
from tsdg.config.roles import models_named
from tsdg.config.snapshot import PACKAGES
from tsdg.errors import MachineError, TsdgError
from tsdg.launch.preflight import Check, attempt, check_cluster
from tsdg.slurm.cluster import ClusterConfig
from tsdg.slurm.slurm_shell import Shell, ssh_of

if TYPE_CHECKING:
    from tsdg.run.prepare import Prepared
    from tsdg.run.roles import ServedModel

_LOW_GIB = 1.0
_ENDPOINT_WAIT_S = 5.0


def examine(recipe: Recipe | None, cluster: ClusterConfig | None) -> tuple[Check, ...]:
    """Make all checks.

    Args:
        recipe: what should run; None to check only the machine and the cluster.
        cluster: where; None for this machine.
    """
    away = cluster is not None and cluster.ssh_tunnel is not None
    checks = [attempt("python", _versions)]
    if cluster is not None and cluster.executor == "slurm":
        checks.append(attempt("nemo-run", _nemo_run))
    checks.append(_sandbox())
    if recipe is not None:
        if not away:
            checks.append(
                attempt(
                    f"output_root {recipe.output_root}", lambda: _disk(Path(recipe.output_root))
                )
            )
        checks += _recipe(recipe, cluster, mirror_here=not away)
    if cluster is not None and cluster.executor == "slurm":
        folders, readable = [cluster.shared_dir], []
        if recipe is not None:
            folders.append(
                str(
                    Path(recipe.output_root)
                    if away
                    else Path(recipe.output_root).expanduser().absolute()
                )
            )
            readable = _places(recipe, away=away)
        contained = cluster.container_of(gpus=False) or cluster.container_of(gpus=True)
        python = cluster.tsdg.python or ("python3" if contained else sys.executable)
        shell = Shell(ssh=ssh_of(cluster))
        checks += check_cluster(cluster, shell, folders=folders, readable=readable, python=python)
    return tuple(checks)


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
        return [
            form,
            *(attempt(f"endpoint {url}", partial(_answers, url)) for url in server.base_urls),
        ]
    if cluster is None or cluster.executor != "slurm":
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


def _answers(url: str) -> str:
    try:
        with urllib.request.urlopen(f"{url.rstrip('/')}/models", timeout=_ENDPOINT_WAIT_S):
            return "answers"
    except urllib.error.HTTPError as error:
        return f"answers (with {error.code} without a key)"
    except (OSError, ValueError) as error:
        why = " ".join(str(error).split())
        raise MachineError(
            f"does not answer from here ({why}); start it, or set server.base_urls"
        ) from error


def _try(name: str, look: Callable[[], object], well: str) -> Check:
    try:
        look()
    except TsdgError as error:
        return Check(name=name, verdict="FAILED", said=" ".join(str(error).split()))
    return Check(name=name, verdict="ok", said=well)
