"""A cluster: ``cluster_configs/NAME.yaml`` in NeMo-Skills' format, for ``ns`` and tsdg.

It is looked up as ``ns`` does: in the folder that ``NEMO_SKILLS_CONFIG_DIR`` names, else in
``./cluster_configs``, else beside the package; a name with a slash or ``.yaml`` is a path; without
a name, ``NEMO_SKILLS_CONFIG`` is the path. What it says means what it means there: containers,
mounts with variables, forwarded keys. Keys that only tsdg reads stand under one key, ``tsdg:``,
which ``ns`` ignores. Keys that only ``ns`` reads are named at a launch, as not honoured.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, Field, ValidationError, field_validator, model_validator

from tsdg.config.base import Config, NonNegativeInt, PositiveInt
from tsdg.config.mistakes import explain
from tsdg.errors import UsageError, did_you_mean
from tsdg.installation import packaged

ENV_DIR = "NEMO_SKILLS_CONFIG_DIR"
ENV_FILE = "NEMO_SKILLS_CONFIG"
FORWARDED = (
    "HF_TOKEN",
    "WANDB_API_KEY",
    "NVIDIA_API_KEY",
    "NGC_API_KEY",
    "OPENAI_API_KEY",
    "AZURE_OPENAI_API_KEY",
)
"""Keys of the launching shell that reach the jobs unasked, as with ``ns``."""
SERVING = ("tsdg", "vllm")
"""Names of the image that the phases run in where the file does not choose: the first of them that
there is; ``ns`` runs its vLLM servers in ``vllm``."""
_TIMEOUT = re.compile(r"^(\d+-)?\d+(:\d{1,2}){0,2}$|^\d+:\d{1,2}:\d{1,2}:\d{1,2}$")
_ENV_NAME = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*$")
_NEAR = 0.8

_OWN_FLAGS = frozenset(
    {
        "account",
        "array",
        "dependency",
        "error",
        "gpus-per-node",
        "gres",
        "job-name",
        "kill-on-invalid-dep",
        "nodes",
        "ntasks-per-node",
        "open-mode",
        "output",
        "partition",
        "qos",
        "requeue",
        "signal",
        "time",
    }
)
"""Flags of sbatch that other keys set."""


def _sbatch_flags(value: dict[str, str | int | bool]) -> dict[str, str | int | bool]:
    for name in value:
        if not re.fullmatch(r"[a-z][a-z0-9_-]*", name):
            raise ValueError(
                f"{name!r} is not a flag of sbatch; allowed: long names without dashes before them"
            )
        if name.replace("_", "-") in _OWN_FLAGS:
            raise ValueError(f"{name} is set by tsdg itself; allowed: other flags of sbatch")
    return value


SbatchFlags = Annotated[dict[str, str | int | bool], AfterValidator(_sbatch_flags)]


class SshTunnel(Config):
    """How to reach the login node, from a machine that is not part of the cluster."""

    host: str
    user: str = ""
    job_dir: str
    """Folder on the cluster for NeMo-Run's experiments."""
    identity: str = ""
    """A private key's file; empty for what ssh finds."""
    shell: str = ""
    pre_command: str = ""


class TsdgKeys(Config):
    """The keys that only tsdg reads; each has a default, so a file written for ``ns`` works."""

    python: str = ""
    """Python with tsdg's dependencies, as the nodes (or the container) see it; empty for the one
    that launches, and for ``python3`` in a container."""
    container: str | None = None
    """Which of ``containers`` the phases run in; empty for a bare environment, null for ``tsdg`` or
    ``vllm`` where there is one."""
    cpu_container: str | None = None
    """Which of ``containers`` the stages without servers run in; empty for a bare environment, null
    for the one of the phases."""
    gpus_per_node: NonNegativeInt = 8
    """0 for nodes without GPUs."""
    exclusive: bool = True
    """Whether an element that takes all GPUs of its nodes takes the whole nodes."""
    qos: str = ""
    cpu_qos: str = ""
    gpu_sbatch: SbatchFlags = Field(default_factory=dict)
    """Further sbatch flags of the phases' arrays, e.g. ``{constraint: h100, mem: 0}``."""
    cpu_sbatch: SbatchFlags = Field(default_factory=dict)
    """Further sbatch flags of all other jobs, e.g. ``{cpus-per-task: 16, mem: 64G}``."""
    srun: tuple[str, ...] = ()
    """Further arguments of srun."""
    max_array_size: NonNegativeInt = 0
    """Slurm's MaxArraySize; 0 to ask the cluster."""
    setup: tuple[str, ...] = ()
    """Lines of bash that each node runs first, e.g. ``module load ...``. They are kept in the run
    directory."""
    env_file: str = ""
    """A file of ``NAME=VALUE`` or ``export NAME=VALUE`` lines on the cluster, read by each node at
    run time: the place for secrets."""
    cache_dir: str = ""
    """Folder of what is compiled while models are served; empty for one on each node's own disk,
    below its TMPDIR."""
    ssh_port: PositiveInt = 22


class ClusterConfig(Config):
    """One cluster."""

    name: str
    """The file's name."""
    executor: Literal["slurm", "local", "none"]
    containers: dict[str, str] = Field(default_factory=dict)
    """Image by name, for pyxis."""
    job_name_prefix: str = ""
    ssh_tunnel: SshTunnel | None = None
    job_dir: str = ""
    """Folder for NeMo-Run's experiments, where tsdg runs on the cluster itself."""
    account: str = ""
    partition: str = ""
    cpu_partition: str = ""
    mounts: tuple[str, ...] = ()
    """``SOURCE:TARGET`` of containers."""
    default_timeout: str = ""
    timeouts: dict[str, str] = Field(default_factory=dict)
    """Time limit by partition."""
    env_vars: tuple[str, ...] = ()
    """``NAME=VALUE``, or ``NAME`` of a variable of the launching environment."""
    required_env_vars: tuple[str, ...] = ()
    mail_type: str = ""
    mail_user: str = ""
    disable_gpus_per_node: bool = False
    """Whether Slurm does not know this cluster's GPUs, so that they are not asked for."""
    tsdg: TsdgKeys = Field(default_factory=TsdgKeys)
    not_honoured: tuple[str, ...] = ()
    """Keys of the file that ``ns`` reads and tsdg does not."""

    @field_validator("timeouts", "default_timeout")
    @classmethod
    def _times(cls, value: dict[str, str] | str) -> dict[str, str] | str:
        for text in [value] if isinstance(value, str) else value.values():
            if text and not _TIMEOUT.fullmatch(text):
                raise ValueError(
                    f"{text!r} is not a time limit; allowed: [DAYS-]HH:MM:SS in quotes"
                )
        return value

    @field_validator("mounts")
    @classmethod
    def _mounts(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for mount in value:
            if mount.count(":") not in (1, 2) or "," in mount:
                raise ValueError(f"{mount!r} is not a mount; allowed: SOURCE:TARGET without commas")
        return value

    @field_validator("env_vars", "required_env_vars")
    @classmethod
    def _env(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for entry in value:
            name = entry.partition("=")[0].strip()
            if not _ENV_NAME.fullmatch(name) or "\n" in entry:
                raise ValueError(
                    f"{name!r} is not a variable; allowed: NAME=VALUE on one line, or NAME"
                )
        return value

    @model_validator(mode="after")
    def _whole(self) -> ClusterConfig:
        if self.executor != "slurm":
            return self
        where = self.ssh_tunnel.job_dir if self.ssh_tunnel else self.job_dir
        key = "ssh_tunnel.job_dir" if self.ssh_tunnel else "job_dir"
        if not where.startswith("/"):
            raise ValueError(
                f"{key}: found {where!r}; needed is an absolute path on the cluster's shared file "
                "system"
            )
        for key in ("container", "cpu_container"):
            name = getattr(self.tsdg, key)
            if name and name not in self.containers:
                allowed = ", ".join(self.containers) or "there are none"
                raise ValueError(f"tsdg.{key}: {name!r} is not among containers: {allowed}")
        return self

    @property
    def shared_dir(self) -> str:
        """The folder for NeMo-Run's experiments on the cluster, an absolute path."""
        return self.ssh_tunnel.job_dir if self.ssh_tunnel else self.job_dir

    def partition_of(self, *, gpus: bool) -> str:
        """Partition of a job; empty for Slurm's default."""
        return self.partition if gpus else self.cpu_partition or self.partition

    def time_limit_of(self, partition: str) -> str:
        """Time limit of jobs in a partition, in Slurm's form; empty for the partition's default."""
        text = self.timeouts.get(partition, self.default_timeout)
        parts = text.split(":")
        return (
            f"{int(parts[0])}-{':'.join(parts[1:])}" if len(parts) == 4 else text
        )  # NeMo-RL's DD:HH:MM:SS

    def image_of(self, *, gpus: bool) -> str:
        """Container image of a job; empty for a bare environment."""
        name = self.container_of(gpus=gpus)
        return self.containers[name] if name else ""

    def container_of(self, *, gpus: bool) -> str:
        """Name of a job's container; empty for a bare environment."""
        chosen = self.tsdg.container
        if chosen is None:
            chosen = next((name for name in SERVING if name in self.containers), "")
        return chosen if gpus or self.tsdg.cpu_container is None else self.tsdg.cpu_container


def _places_of(name: str, environ: Mapping[str, str]) -> list[Path]:
    """Where a cluster's file may lie."""
    if "/" in name or name.endswith((".yaml", ".yml")):
        return [Path(name).expanduser()]
    if environ.get(ENV_DIR):
        return [Path(environ[ENV_DIR]).expanduser() / f"{name}.yaml"]
    folders = (Path.cwd() / "cluster_configs", packaged("cluster_configs"))
    return [folder / f"{name}.yaml" for folder in folders]


def find_cluster(name: str, environ: Mapping[str, str]) -> Path:
    """Find a cluster's file.

    Args:
        name: as the recipe key ``cluster`` has it; empty for the file of ``NEMO_SKILLS_CONFIG``.
        environ: environment, for that and for ``NEMO_SKILLS_CONFIG_DIR``.

    Raises:
        UsageError: there is none.
    """
    if not name and environ.get(ENV_FILE):
        path = Path(environ[ENV_FILE]).expanduser()
        if not path.is_file():
            raise UsageError(f"{ENV_FILE}={path}: there is no such file; mend it, or give cluster=")
        return path
    if not name:
        raise UsageError(
            "cluster= is not given; name a file of cluster_configs, e.g. cluster=dev, or a path, "
            f"or let {ENV_FILE} name one"
        )
    paths = _places_of(name, environ)
    for path in paths:
        if path.is_file():
            return path
    known = sorted({file.stem for path in paths for file in path.parent.glob("*.yaml")})
    raise UsageError(
        f"cluster={name}: there is no "
        f"{' and no '.join(dict.fromkeys(str(path) for path in paths))}; "
        f"allowed: {', '.join(known) or 'none there'}, or a path{did_you_mean(name, known)}"
    )


def read_cluster(name: str, environ: Mapping[str, str]) -> ClusterConfig:
    """Read and check a cluster's file.

    Args:
        name: as the recipe key ``cluster`` has it.
        environ: environment, for the file's place and for variables in ``ssh_tunnel``.

    Raises:
        UsageError: there is none, or it is wrong; the message names file, key, what was found and
            what is allowed.
    """
    path = find_cluster(name, environ)
    try:
        values = yaml.safe_load(path.read_text())
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise UsageError(
            f"{path}: cannot be read ({' '.join(str(error).split())[:200]})"
        ) from error
    if not isinstance(values, dict):
        raise UsageError(f"{path}: holds no mapping; start from one of cluster_configs")
    return parse_cluster(values, path=path, environ=environ)


def parse_cluster(
    values: Mapping[str, Any], *, path: Path, environ: Mapping[str, str]
) -> ClusterConfig:
    """Check the content of a cluster's file; see :func:`read_cluster`."""
    known = set(ClusterConfig.model_fields) - {"name", "not_honoured"}
    kept: dict[str, Any] = {"name": path.stem}
    for key, value in values.items():
        if key in known:
            if value is not None:  # `mounts:` with all its lines commented out
                kept[key] = value
        elif near := difflib.get_close_matches(str(key), known, n=1, cutoff=_NEAR):
            raise UsageError(f"{path}: key {key} is unknown; did you mean {near[0]}?")
    kept["not_honoured"] = [str(key) for key in values if key not in known]
    if isinstance(kept.get("mounts"), list):
        kept["mounts"] = [_mount(one, path, environ) for one in kept["mounts"]]
    if isinstance(kept.get("ssh_tunnel"), dict):
        kept["ssh_tunnel"] = _ssh_tunnel(kept["ssh_tunnel"], path, environ)
    try:
        return ClusterConfig.model_validate(kept)
    except ValidationError as error:
        raise UsageError(
            f"{path}: {explain(error, ClusterConfig, noun='key', settable=False)}"
        ) from error


def _mount(mount: object, path: Path, environ: Mapping[str, str]) -> object:
    """Resolve a mount as ``ns`` does: ``{NAME}`` as a whole side is a variable of this shell."""
    if not isinstance(mount, str):
        return mount

    def side(text: str) -> str:
        found = re.fullmatch(r"\{(\w+)\}", text)
        if not found and re.search(r"\{\w+\}", text):
            raise UsageError(
                f"{path}: key mounts: found {text!r}, where the braces stay as they are (with ns "
                "too); allowed: {NAME}, of a variable that holds the whole path"
            )
        if found and found[1] not in environ:
            raise UsageError(
                f"{path}: key mounts: {mount!r} names the variable {found[1]}, which is not set"
            )
        return environ[found[1]] if found else text

    return ":".join(map(side, mount.split(":")))


def _ssh_tunnel(
    values: Mapping[str, Any], path: Path, environ: Mapping[str, str]
) -> dict[str, Any]:
    """Resolve the tunnel as ``ns`` does: ``USER``, and ``$NAME`` in user, folder and key."""
    out = {key: value for key, value in values.items() if value is not None}
    out.setdefault("user", environ.get("USER", ""))
    for key in ("user", "job_dir", "identity"):
        value = out.get(key, "")
        if isinstance(value, str) and "$" in value:
            out[key] = re.sub(
                r"\$\{?(\w+)\}?", lambda match: environ.get(match[1], match[0]), value
            )
            if "$" in out[key]:
                raise UsageError(
                    f"{path}: key ssh_tunnel.{key}: {value!r} names a variable that is not set"
                )
    return out


def expand_env(entry: str, environ: Mapping[str, str]) -> tuple[str, str] | None:
    """Split an entry of ``env_vars`` into name and value; None if the variable is not set.

    As ``ns`` has it: a ``$`` in a value is expanded where the environment has a variable of the
    entry's own name, and stays as it is otherwise.
    """
    name, equals, value = entry.partition("=")
    name = name.strip()
    if not equals:
        return (name, environ[name]) if name in environ else None
    value = value.strip()
    return name, os.path.expandvars(value) if "$" in value and name in environ else value
