"""Which flags the serving command knows, so that a misspelt one is refused at once."""

from __future__ import annotations

import contextlib
import difflib
import hashlib
import json
import os
import re
import subprocess
from pathlib import Path

from tsdg import cache
from tsdg.config.models import Flag, ModelConfig, ServerConfig
from tsdg.errors import RecipeError, StorageError
from tsdg.serving.vllm import flag_name

HELP = "--help=all"
_FOLDER = "serving"
_HELP_S = 180.0
_OPTION = re.compile(r"^ {1,4}-")
_FLAG = re.compile(r"(?<![\w-])--([A-Za-z0-9][\w-]*)")


def check_flags(server: ServerConfig, model: ModelConfig, executable: Path) -> None:
    """Check ``model.flags`` and ``server.flags`` against what the serving command's own help lists.

    A command that has no such help (a wrapper, another server) is not asked further: what it
    refuses at its start is then reported as it says it.

    Args:
        server: the recipe's part.
        model: what is served.
        executable: the serving command's program, as found.

    Raises:
        RecipeError: a flag that the command does not know.
    """
    given = [(f"model.flags.{name}", name, value) for name, value in model.flags.items()]
    given += [(f"server.flags.{name}", name, value) for name, value in server.flags.items()]
    known = known_flags(server, executable) if given else frozenset()
    for key, name, value in given if known else ():
        if wrong := _unknown(name, value, known):
            near = difflib.get_close_matches(wrong, sorted(known), n=1)
            hint = f"; did you mean --{near[0]}?" if near else ""
            command = " ".join(server.command)
            if Path(server.command[-1]).name == "vllm":
                hint = f"; did you mean server.command=[{command},serve]?"
            raise RecipeError(
                f"{key}: {command} knows no --{wrong}{hint} (`{command} {HELP}` lists all)"
            )


def known_flags(server: ServerConfig, executable: Path) -> frozenset[str]:
    """Ask the serving command for its flags, without their dashes; empty where it does not tell.

    The answer is kept in the cache for as long as the command stays the same file.
    """
    command = (str(executable), *server.command[1:])
    kept = _cache_file(command)
    with contextlib.suppress(OSError, ValueError):
        return frozenset(json.loads(kept.read_bytes()))
    try:
        done = subprocess.run(
            (*command, HELP),
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_HELP_S,
            check=False,
            stdin=subprocess.DEVNULL,
            env=os.environ | server.env | {"COLUMNS": "400", "NO_COLOR": "1"},
        )
    except (OSError, subprocess.TimeoutExpired):
        return frozenset()
    found = read_help(done.stdout) if done.returncode == 0 else frozenset()
    # A cache that cannot be written costs the same seconds next time, and is no reason to stop.
    with contextlib.suppress(StorageError):
        if found:
            cache.write(cache.folder(_FOLDER) / kept.name, json.dumps(sorted(found)).encode())
    return found


def read_help(text: str) -> frozenset[str]:
    """Find the long flags in an argparse help, on the lines that begin an option."""
    options = (
        re.split(r"\s{2,}", line.strip())[0] for line in text.splitlines() if _OPTION.match(line)
    )
    return frozenset(flag for option in options for flag in _FLAG.findall(option))


def _unknown(name: str, value: Flag, known: frozenset[str]) -> str:
    """The flag that the command does not know, as it would be written; empty where it knows it."""
    flag = flag_name(name)
    # `--compilation-config.mode 3` sets one key of a flag whose value is JSON.
    written = f"no-{flag}" if value is False else flag.partition(".")[0]
    return "" if written in known else written


def _cache_file(command: tuple[str, ...]) -> Path:
    """Named after the command and the state of each file that it names."""
    state: list[object] = list(command)
    for word in command:
        with contextlib.suppress(OSError):
            facts = Path(word).resolve().stat()
            state.append((facts.st_mtime_ns, facts.st_size))
    digest = hashlib.sha256(json.dumps(state).encode()).hexdigest()[:16]
    return cache.root(os.environ) / _FOLDER / f"flags-{digest}.json"
