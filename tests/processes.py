"""What tests ask of processes that may end at any moment: one that has ended is no error."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import psutil


def runs(pid: int) -> bool:
    """Whether a process is there and has not ended; one that nobody has waited for has."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def command_of(process: psutil.Process) -> list[str]:
    """The words that a process was started with; none where it has ended."""
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:  # a zombie is one, too
        return []


def is_engine(process: psutil.Process) -> bool:
    """Whether this is vLLM's engine: by the title that it takes, or as the server spawned it."""
    return any(
        word.startswith("VLLM::Engine") or "spawn_main" in word for word in command_of(process)
    )


def shared_memory(found: Iterable[psutil.Process]) -> set[Path]:
    """The files of shared memory that these have mapped, those left out that have ended."""
    return {path for process in found for path in _mapped(process)}


def _mapped(process: psutil.Process) -> set[Path]:
    try:
        paths = {Path(memory.path) for memory in process.memory_maps()}
    except psutil.NoSuchProcess:
        return set()
    return {path for path in paths if path.is_relative_to("/dev/shm")}
