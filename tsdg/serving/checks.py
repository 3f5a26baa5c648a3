"""What can be checked about the servers before anything starts, in well under a second."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from tsdg.config.models import ModelConfig, ServerConfig
from tsdg.errors import RecipeError, ServerError, looked_in
from tsdg.installation import demo_setup, lacks_demo_model
from tsdg.serving.flags import check_flags
from tsdg.serving.placement import gpus_of, placement_for, share_of
from tsdg.serving.ports import PortLease
from tsdg.serving.vllm import is_folder, serve_command


def check_server(server: ServerConfig, model: ModelConfig) -> None:
    """Check what can be checked without starting anything.

    For ``vllm``: the serving command, the model's folder, the flags, the GPUs, fixed ports. For
    ``openai``: the key. The first look at a serving command's flags takes some seconds; they are
    remembered.

    Raises:
        ServerError: this machine cannot serve it as it is.
        RecipeError: a flag or a port makes no sense.
    """
    if server.type == "openai":
        read_api_key(server)
        return
    executable = find_executable(server)
    _check_model(model)
    serve_command(server=server, model=model, port=server.port)
    placement = placement_for(server)
    share = share_of(placement, server, model)
    for number in range(share.replicas):
        gpus_of(placement, share, number)
    if server.port and share.role != "worker":
        if server.port + share.replicas - 1 > 65535:
            raise RecipeError(
                f"server.port={server.port}: server.replicas={share.replicas} take the ports from "
                "there on, and the "
                "last one is 65535; lower server.port or use 0"
            )
        for number in range(share.replicas):
            PortLease(server.host, server.port + number).close()
    check_flags(server, model, executable)


def find_executable(server: ServerConfig) -> Path:
    """Find the program of ``server.command``: by path, in PATH, or beside this Python.

    Raises:
        ServerError: it is not there, or cannot be executed.
    """
    name = server.command[0]
    beside = str(Path(sys.executable).parent)
    path = server.env.get("PATH", os.environ.get("PATH", os.defpath))
    found = shutil.which(os.path.expanduser(name), path=os.pathsep.join((path, beside)))  # noqa: PTH111 - may be a name
    if found is None:
        there = "is not executable" if Path(name).expanduser().is_file() else "is not there"
        where = looked_in(name) if "/" in name else f" (looked in PATH and {beside})"
        raise ServerError(
            f"server.command: {name} {there}{where}; run "
            f"`{demo_setup('server-env')}` for a CPU, "
            "`pip install 'tsdg[gpu]'` for GPUs, or name another: "
            "server.command=[/PATH/TO/vllm,serve]"
        )
    return Path(found).absolute()


def read_api_key(server: ServerConfig) -> str:
    """Read the key that the recipe points to; empty where it points to none.

    Raises:
        ServerError: the variable or the file is missing or empty, or holds no key. The message
            never holds the key.
    """
    if server.api_key_env:
        source, key = key_source(server), os.environ.get(server.api_key_env, "")
    elif server.api_key_file:
        source = key_source(server)
        try:
            key = Path(server.api_key_file).expanduser().read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "not text"
            raise ServerError(
                f"{source}: cannot be read ({why}); put the key of the endpoint into it"
            ) from error
    else:
        return ""
    key = key.strip()
    if not key:
        raise ServerError(f"{source}: is not set or empty; it must hold the key of the endpoint")
    if not key.isascii() or not key.isprintable() or " " in key:
        raise ServerError(
            f"{source}: holds no key (a key is one line of printable ASCII without spaces)"
        )
    return key


def key_source(server: ServerConfig) -> str:
    """Name where the key comes from, for messages; empty where there is none."""
    if server.api_key_env:
        return f"server.api_key_env={server.api_key_env}"
    return f"server.api_key_file={server.api_key_file}" if server.api_key_file else ""


def _check_model(model: ModelConfig) -> None:
    folder = Path(model.path).expanduser()
    if not is_folder(model.path) and not folder.is_dir():
        return
    if not (folder / "config.json").is_file():
        if advice := lacks_demo_model(folder):
            raise ServerError(f"model.path={model.path}: {advice}")
        found = "a folder without config.json" if folder.is_dir() else "no such folder"
        raise ServerError(
            f"model.path={model.path}: {found}; give the folder of a Hugging Face model, or a hub "
            "id such as OWNER/NAME"
        )
