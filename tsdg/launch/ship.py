"""Writes what the nodes need from the launching machine, as files of the run directory.

None of these files holds a secret.

::

    snapshot/code.tar.gz   tsdg and its recipes as of the first launch, for all jobs
    snapshot/clusters/<name>.yaml   the cluster's file without secrets, with image digests
    launch/recipe.yaml     the recipe of the latest launch (a canary: canary/launch)
    launch/env             NAME=VALUE lines of the cluster's env_vars without likely secrets
    launch/setup.sh        the cluster's own first lines
    launch/batch.sh        sourced by every job's batch shell
    launch/unset.sh        lines that drop the launching shell's variables from it
    launch/node.sh         what srun starts on each node; read_env.sh and caches.sh are parts of it
    launch/began/          a file for each step while it runs, from its first process on

Secrets (of ``env_vars``, and of the launching environment) go into one file outside of the run
directory that only its owner may read, ``<job_dir>/.tsdg/<run>.env``; nodes read it when they
start.
"""

from __future__ import annotations

import gzip
import io
import os
import re
import tarfile
from collections.abc import Mapping, Set
from dataclasses import dataclass
from pathlib import Path

import yaml

import tsdg
from tsdg.config.compose import recipes_dir
from tsdg.config.recipe import Recipe
from tsdg.config.secrets import HIDDEN, is_kept, looks_secret
from tsdg.config.snapshot import recipe_text
from tsdg.errors import UsageError
from tsdg.installation import packaged
from tsdg.layout import CLUSTERS, CODE, LAUNCH
from tsdg.shellvars import unset_in_job_script
from tsdg.slurm.cluster import FORWARDED, ClusterConfig, expand_env
from tsdg.storage import make_directory, storage, write_whole
from tsdg.version import SHIPPED, version

SCRIPTS = ("batch.sh", "node.sh", "read_env.sh", "caches.sh")
_LEFT_OUT = frozenset(
    {"__pycache__", "_cluster_configs", "_recipes", "_requirements", "_slurm", SHIPPED}
)
_NOT_PLAIN = re.compile(r"[^A-Za-z0-9._/+=@-]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """Variables of the jobs' processes."""

    plain: Mapping[str, str]
    """May stand in the run directory."""
    secret: Mapping[str, str]
    """May not."""


def job_environment(
    recipe: Recipe, cluster: ClusterConfig, environ: Mapping[str, str]
) -> Environment:
    """Collect what the cluster's file asks for, the keys that ``ns`` forwards, and the recipe's.

    Args:
        recipe: the recipe; ``server.api_key_env`` names one.
        cluster: the cluster.
        environ: environment of this process.

    Raises:
        UsageError: a variable of ``required_env_vars`` is not set.
    """
    servers = [recipe.server, *(own.server for own in recipe.roles.values() if own.server)]
    keys = {server.api_key_env for server in servers} - {""}
    found = {name: environ[name] for name in (*FORWARDED, *sorted(keys)) if name in environ}
    if "HF_TOKEN" not in found and (token := _hub_token()):
        found["HF_TOKEN"] = token
    found |= _asked_for(cluster, environ)
    if "NVIDIA_API_KEY" in found:
        found.setdefault("NGC_API_KEY", found["NVIDIA_API_KEY"])
    # The snapshot does not keep these of the servers' environment, so that servers inherit them.
    for server in servers:
        hidden = {name: value for name, value in server.env.items() if not is_kept(name, value)}
        found |= hidden
        keys |= set(hidden)
    for name, value in found.items():
        if "\n" in value:
            raise UsageError(
                f"cluster {cluster.name}: env_vars: {name} has several lines; allowed: one"
            )
    return _kept_apart(found, keys)


def _hub_token() -> str:
    """The token of who is logged in to the hub on this machine; empty where nobody is."""
    from huggingface_hub import get_token

    return get_token() or ""


def _kept_apart(found: Mapping[str, str], keys: Set[str]) -> Environment:
    """Which variables are secret: keys, and what looks like one by its name."""
    secret = {name for name in found if looks_secret(name) or name in keys}
    return Environment(
        plain={name: value for name, value in found.items() if name not in secret},
        secret={name: value for name, value in found.items() if name in secret},
    )


def _asked_for(cluster: ClusterConfig, environ: Mapping[str, str]) -> dict[str, str]:
    """The variables that a cluster's file names."""
    found: dict[str, str] = {}
    for entry in (*cluster.env_vars, *cluster.required_env_vars):
        pair = expand_env(entry, environ)
        if pair:
            found[pair[0]] = pair[1]
        elif entry in cluster.required_env_vars:
            raise UsageError(
                f"cluster {cluster.name}: required_env_vars names {entry}, which is not set here"
            )
    return found


def check_path(what: str, path: str) -> None:
    """Refuse a path that NeMo-Run cannot carry into a job's script as it is, or pyxis mount.

    NeMo-Run writes paths into scripts and commands unquoted, and where a job has no container it
    replaces ``/nemo_run`` wherever that stands. pyxis cuts mounts at colons and commas.

    Raises:
        UsageError: it holds such characters.
    """
    if wrong := sorted(set(_NOT_PLAIN.findall(path))):
        raise UsageError(
            f"{what}: {path!r} has {' '.join(map(repr, wrong))}, which NeMo-Run or pyxis cannot "
            "carry as it is; allowed: letters, digits and ._/+=@-; choose another path, or a link "
            "to it"
        )
    if "/nemo_run" in path:
        raise UsageError(
            f"{what}: {path} has '/nemo_run' in it, which NeMo-Run replaces in jobs' scripts; "
            "choose another folder"
        )


def pack_code() -> bytes:
    """Pack tsdg's own source and recipes; equal content gives equal bytes.

    Returns:
        A gzipped tar archive with ``tsdg/`` and ``recipes/``, and the version.
    """
    package = Path(tsdg.__file__).resolve().parent
    buffer = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for folder, name in ((package, "tsdg"), (recipes_dir(), "recipes")):
            for path in sorted(folder.rglob("*")):
                parts = path.relative_to(folder).parts
                if _LEFT_OUT.isdisjoint(parts) and path.is_file():
                    _add(archive, "/".join((name, *parts)), path.read_bytes())
        _add(archive, f"tsdg/{SHIPPED}", f"{version()}\n".encode())
    return buffer.getvalue()


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), 0o644
    archive.addfile(entry, io.BytesIO(content))


def write_recipe(run: Path, recipe: Recipe) -> None:
    """Write the recipe that the jobs of this launch read.

    Raises:
        StorageError: it cannot be written.
    """
    make_directory(run / LAUNCH)
    write_whole(run / LAUNCH / "recipe.yaml", recipe_text(recipe).encode())


def write_launch_files(
    run: Path,
    recipe: Recipe,
    cluster: ClusterConfig,
    environment: Environment,
    *,
    directory: str,
    secrets: str,
) -> None:
    """Write what the nodes need into a run directory; the code only where the run has none yet.

    Args:
        run: the run directory, on this machine.
        recipe: the recipe of this launch.
        cluster: the cluster.
        environment: variables of the jobs.
        directory: folder in which the jobs' processes start, on the cluster.
        secrets: file with the secret variables, on the cluster; empty for none.

    Raises:
        StorageError: something cannot be written.
    """
    folder, clusters = run / LAUNCH, run / CLUSTERS
    write_recipe(run, recipe)
    make_directory(clusters)
    write_whole(clusters / f"{cluster.name}.yaml", cluster_text(cluster).encode())
    if not (run / CODE).exists():
        write_whole(run / CODE, pack_code())
    ours = {
        "TSDG_DIRECTORY": directory,
        "TSDG_SECRETS": secrets,
        "TSDG_ENV_FILE": cluster.tsdg.env_file,
        "TSDG_CACHE_DIR": cluster.tsdg.cache_dir,
    }
    write_whole(folder / "env", env_lines({**environment.plain, **ours}))
    write_whole(folder / "setup.sh", "".join(f"{line}\n" for line in cluster.tsdg.setup).encode())
    write_whole(folder / "unset.sh", unset_in_job_script().encode())
    make_directory(folder / "began")
    for name in SCRIPTS:
        write_whole(folder / name, (packaged("slurm") / "job" / name).read_bytes())


def cluster_text(cluster: ClusterConfig) -> str:
    """A cluster's configuration for the snapshot, without the values of likely secrets."""
    values = cluster.model_dump(mode="json")
    for key in ("env_vars", "required_env_vars"):
        values[key] = [_hide(entry) for entry in values[key]]
    digests = {
        name: image.rpartition("@")[2]
        for name, image in cluster.containers.items()
        if "@sha256:" in image
    }
    return yaml.safe_dump({**values, "digests": digests}, sort_keys=False)


def _hide(entry: str) -> str:
    name, equals, _ = entry.partition("=")
    return f"{name}={HIDDEN}" if equals and looks_secret(name.strip()) else entry


def secrets_path(cluster: ClusterConfig, run_name: str) -> str:
    """Where the secrets of a run's jobs are, on the cluster."""
    return f"{cluster.shared_dir}/.tsdg/{run_name}.env"


def write_secrets(path: Path, environment: Environment) -> None:
    """Write the secret variables into a file that only its owner may read.

    Raises:
        StorageError: it cannot be written.
    """
    with storage("write", path):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        partial = path.with_name(f".{path.name}.{os.getpid()}")
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(env_lines(environment.secret))
        partial.replace(path)


def env_lines(values: Mapping[str, str]) -> bytes:
    """Variables as ``node.sh`` reads them."""
    return "".join(f"{name}={value}\n" for name, value in values.items()).encode()
