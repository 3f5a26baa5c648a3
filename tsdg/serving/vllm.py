"""Pure: the command line and the environment of a ``vllm serve`` process."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from tsdg.config.models import Flag, ModelConfig, ServerConfig
from tsdg.errors import RecipeError
from tsdg.serving.placement import GPUS

# Set by other keys, or by tsdg itself, which could not find or watch the server otherwise.
_RESERVED = {
    "model": "model.path",
    "served-model-name": "model.name",
    "host": "server.host",
    "port": "server.port",
    "uds": "server.host and server.port",
    "api-key": "nothing: own servers listen on server.host only",
    "disable-log-stats": "nothing: the watchdog reads the statistics",
    "tensor-parallel-size": "model.tensor_parallel",
    "pipeline-parallel-size": "model.pipeline_parallel",
    "data-parallel-size": "model.data_parallel",
    "decode-context-parallel-size": "model.context_parallel",
    "distributed-executor-backend": "tsdg, to mp where a server spans nodes",
    "nnodes": "tsdg, from the nodes and their GPUs",
    "node-rank": "tsdg, from the nodes and their GPUs",
    "master-addr": "tsdg, from the nodes and their GPUs",
    "master-port": "tsdg, from the nodes and their GPUs",
    "headless": "tsdg, from the nodes and their GPUs",
}
# No white space between the fields of a structured reply: a model may go on with it until its
# tokens are used up. Every question has a schema of its own, and guidance compiles none first.
_STRUCTURES = "structured-outputs-config"
_BACKEND = '{"backend": "%s", "disable_any_whitespace": true}'
# The server puts a schema for a model with harmony's channels into a tag around its last channel.
# guidance does not read such tags: every structured request would be refused. See own_body too.
_HARMONY = "openai_gptoss"
_ALWAYS = {
    "VLLM_NO_USAGE_STATS": "1",
    "PYTHONUNBUFFERED": "1",
    # gpt-oss's prompt names the day: one day for all of a run, and for a second run of it.
    "VLLM_SYSTEM_START_DATE": "2026-01-01",
}


_NOT_OURS = (
    "PYTHONHOME",
    "VLLM_API_KEY",
    "VLLM_PORT",
    "VLLM_HOST_IP",
    "VLLM_DP_*",
    "VLLM_CONFIGURE_LOGGING",
    "VLLM_LOGGING_CONFIG_PATH",
)
"""Variables of this process that are meant for another server: a key that would lock us out of our
own, places, and logs that we would look for in vain. ``server.env`` still sets them."""


def is_folder(path: str) -> bool:
    """Whether ``model.path`` names a folder, not a hub id.

    A hub id is ``name`` or ``owner/name``; what is absolute, starts with ``~`` or ``.``, or has
    more than one slash is a folder.
    """
    return path.startswith(("/", "~", ".")) or path.count("/") > 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """The part that one node has in a server that spans nodes."""

    nodes: int
    rank: int
    """Of this node, from 0; rank 0 alone answers requests."""
    address: str
    """Of the node of rank 0."""
    port: int
    """On that node, where the ranks find one another; bound there."""


def _own_flags(key: str, given: Mapping[str, Flag]) -> dict[str, Flag]:
    """The flags of a recipe's key, none of them one that another key sets."""
    flags: dict[str, Flag] = {}
    for name, value in given.items():
        flag = flag_name(name)
        if flag in _RESERVED:
            raise RecipeError(
                f"{key}.{name}: not allowed as a flag, it is set by {_RESERVED[flag]}; remove it"
            )
        flags[flag] = value
    return flags


def serve_command(
    *, server: ServerConfig, model: ModelConfig, port: int, member: Member | None = None
) -> tuple[str, ...]:
    """Build the command of one replica: ``server.command`` MODEL and the flags.

    Flags of the model's own keys come first; ``model.flags`` overrides them and ``server.flags``
    overrides both. True becomes ``--flag``, false ``--no-flag``.

    Args:
        server: the recipe's part.
        model: what is served.
        port: where it listens.
        member: of a server that spans nodes: which node's command; None for one that does not.

    Raises:
        RecipeError: a flag that another key sets.
    """
    folder = is_folder(model.path)
    flags = _flags_of_keys(server, model, port, member)
    if model.revision and not folder:
        flags["revision"] = model.revision
    given = _own_flags("model.flags", model.flags) | _own_flags("server.flags", server.flags)
    if not any(name.partition(".")[0] == _STRUCTURES for name in given):
        flags[_STRUCTURES] = _BACKEND % (
            "xgrammar" if model.reasoning_parser == _HARMONY else "guidance"
        )
    flags |= given
    words = [word for name, value in flags.items() for word in _words(name, value)]
    if member is not None:
        words += _words_of_member(member)
    path = os.path.expanduser(model.path) if folder else model.path  # noqa: PTH111 - a hub id is no path
    return (*server.command, path, *words)


def own_body(model: ModelConfig, body: Mapping[str, Any]) -> Mapping[str, Any]:
    """A request's body as an own server takes it.

    In the tag that a schema for harmony's channels becomes, the flag against white space does not
    count: the tag itself must bound it.
    """
    form = body.get("response_format") or {}
    if model.reasoning_parser != _HARMONY or form.get("type") != "json_schema":
        return body
    schema = form["json_schema"]["schema"]
    tag = {"type": "json_schema", "json_schema": schema, "max_whitespace_cnt": 1}
    return {**body, "response_format": {"type": "structural_tag", "format": tag}}


def _flags_of_keys(
    server: ServerConfig, model: ModelConfig, port: int, member: Member | None
) -> dict[str, Flag]:
    """The flags that keys of the recipe set."""
    flags: dict[str, Flag] = {"served-model-name": model.name}
    if member is None or member.rank == 0:
        flags |= {
            "host": server.host,
            "port": port,
            "disable-uvicorn-access-log": True,
        }  # a line a request: millions
    flags |= {
        "max-model-len": model.max_model_len,
        "tensor-parallel-size": model.tensor_parallel,
        "pipeline-parallel-size": model.pipeline_parallel,
    }
    if model.data_parallel > 1:
        flags |= {"data-parallel-size": model.data_parallel, "enable-expert-parallel": True}
    if model.context_parallel > 1:
        flags["decode-context-parallel-size"] = model.context_parallel
    if model.max_num_seqs:
        flags["max-num-seqs"] = model.max_num_seqs
    if model.reasoning_parser:
        flags["reasoning-parser"] = model.reasoning_parser
    return flags


def _words_of_member(member: Member) -> list[str]:
    """The words of one node's command, of a server that spans nodes."""
    words = [
        "--distributed-executor-backend",
        "mp",
        "--nnodes",
        str(member.nodes),
        "--node-rank",
        str(member.rank),
        "--master-addr",
        member.address,
        "--master-port",
        str(member.port),
    ]
    return words + (["--headless"] if member.rank else [])


def flag_name(name: str) -> str:
    """A flag as it is written on the command line, without its dashes."""
    return name.strip().lstrip("-").replace("_", "-")


def serve_env(
    *,
    server: ServerConfig,
    inherited: Mapping[str, str],
    executable: Path,
    replica: int,
    gpus: tuple[str, ...],
    cores: tuple[tuple[int, ...], ...] = (),
    reached: tuple[str, str] = ("", ""),
) -> dict[str, str]:
    """Build the environment of one replica.

    ``server.env`` wins over what is inherited; ``{replica}`` in its values is the number of the
    replica. Its ``CUDA_VISIBLE_DEVICES`` names the GPUs of all replicas, which share them.

    Args:
        server: the recipe's part.
        inherited: environment of this process.
        executable: the serving command as found; its folder goes first in PATH, for the tools that
            vLLM calls by name.
        replica: number of the replica, from 0.
        gpus: the GPUs of this replica; empty where there are none.
        cores: the cores of each of its ranks, where it serves on a CPU beside others; empty where
            it may take what it finds.
        reached: the address by which other nodes reach this one, empty where the server does not
            span nodes; and the network interface that has it, empty where none has.
    """
    address, interface = reached
    env = _inherited(inherited, executable) | _ALWAYS
    if cores and not gpus:
        env["VLLM_CPU_OMP_THREADS_BIND"] = "|".join(",".join(map(str, rank)) for rank in cores)
    if address:
        env["VLLM_HOST_IP"] = address
    if interface:
        # Gloo would look its own host name up, and find the loopback address on many machines.
        env.setdefault("GLOO_SOCKET_IFNAME", interface)
    env |= {key: value.replace("{replica}", str(replica)) for key, value in server.env.items()}
    if gpus and "{replica}" not in server.env.get(GPUS, ""):
        env[GPUS] = ",".join(gpus)  # its share of what the recipe or the environment names
    return env


def _inherited(inherited: Mapping[str, str], executable: Path) -> dict[str, str]:
    """What a server takes over from this process, with the command's folder first in PATH."""
    env = {
        key: value
        for key, value in inherited.items()
        if not any(fnmatchcase(key, pattern) for pattern in _NOT_OURS)
    }
    parts = (str(executable.parent), env.get("PATH", os.defpath))
    return env | {"PATH": os.pathsep.join(part for part in parts if part)}


def _words(name: str, value: Flag) -> tuple[str, ...]:
    if isinstance(value, bool):
        return (f"--{name}" if value else f"--no-{name}",)
    text = str(value)
    return (f"--{name}={text}",) if text.startswith("-") else (f"--{name}", text)
