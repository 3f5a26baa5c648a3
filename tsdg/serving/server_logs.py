"""Where own servers write, below the run's folder for logs."""

from __future__ import annotations

import os
import platform
import shlex
import time
from collections.abc import Sequence
from pathlib import Path

RENDEZVOUS = "rendezvous"
"""Folder of the files by which nodes that share a server find one another."""
_TAIL_BYTES = 256 * 1024


def log_path(logs: Path, replica: int, rank: int) -> Path:
    """The log of one of this process's servers or ranks; no other process writes to it.

    Args:
        logs: the run's folder for logs.
        replica: number of the replica, from 0.
        rank: of this node in a server that spans nodes; 0 otherwise.
    """
    part = f".rank{rank}" if rank else ""
    return logs / f"server-{replica}{part}.{platform.node()}.{os.getpid()}.log"


def begin_log(log: Path, command: Sequence[str]) -> int:
    """Note in a log which command starts, and return the offset where its output begins.

    Raises:
        OSError: the log cannot be written.
    """
    with log.open("a", encoding="utf-8") as file:
        file.write(f"tsdg: {time.strftime('%Y-%m-%d %H:%M:%S')} starting {shlex.join(command)}\n")
        return file.tell()


def tail(log: Path, start: int) -> str:
    """What was written from byte ``start`` on, its last 256 KiB at most."""
    with log.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(start, size - _TAIL_BYTES))
        return file.read().decode("utf-8", "replace")
