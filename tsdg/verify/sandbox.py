"""Runs untrusted code: a process per run in its own namespaces, limited, cut off.

What a run sees is an empty, read-only root with Python's standard library and the system's shared
libraries: no home directory, no run directory, no ``/proc``, no network, no environment, nowhere to
write. It has one process and one thread, and limits on CPU and wall time, memory, open files and
output. System calls that start processes, open sockets or send signals end it (``seccomp.py``).

The walls are bubblewrap's where ``bwrap`` is installed, else those that ``unshare`` makes
(``sandbox_child.py`` then builds the root). Where neither works, nothing is run:
:func:`find_sandbox` raises. Neither needs to be root.

Runs take their turn in a pool of threads, as many as there are cores, so that an event loop never
waits for one.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from signal import SIGKILL, SIGSYS, SIGXCPU
from typing import Literal

from tsdg.errors import MachineError
from tsdg.text import storable
from tsdg.verify import sandbox_child, seccomp

Wall = Literal["bwrap", "unshare"]
WALLS: tuple[Wall, ...] = ("bwrap", "unshare")
End = Literal["finished", "timeout", "forbidden", "output", "crashed"]
"""How the process ended: by itself; at its CPU or wall limit; by a forbidden system call; having
written too much; by any other signal or exit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Of one run."""

    cpu_seconds: int = 4
    """Of the whole process; its end if it is passed."""
    expression_seconds: float = 1.0
    """CPU time of one expression, after which it counts as raising ``Overtime``."""
    wall_seconds: float = 30.0
    """For code that sleeps. Far beyond the CPU limit, so that a busy machine changes no verdict."""
    memory_bytes: int = 1 << 29
    file_bytes: int = 1 << 20
    output_bytes: int = 1 << 20


LIMITS = Limits()


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What came of one run."""

    end: End
    loaded: bool
    """Whether the source ran through."""
    values: tuple[tuple[str, str], ...]
    """Per expression that was reached: (``value``, canonical text), (``opaque``, type) or
    (``raised``, exception)."""
    raised: str
    """The exception that loading the source raised; empty for none."""


class Sandbox:
    """Runs jobs behind one kind of wall."""

    def __init__(self, wall: Wall, limits: Limits = LIMITS) -> None:
        self.wall = wall
        self._limits = limits
        self._command = _command(wall)
        self._pool = ThreadPoolExecutor(len(os.sched_getaffinity(0)), thread_name_prefix="sandbox")

    def submit(self, source: str, expressions: Sequence[str]) -> Future[Run]:
        """Queue a source to run, and expressions to evaluate in its names one by one.

        Raises:
            MachineError: from the future: the sandbox cannot be closed on this machine.
        """
        return self._pool.submit(self._run, source, tuple(expressions))

    def _run(self, source: str, expressions: tuple[str, ...]) -> Run:
        limits = self._limits
        job = {
            "source": source,
            "expressions": expressions,
            "cpu_seconds": limits.cpu_seconds,
            "expression_seconds": limits.expression_seconds,
            "memory_bytes": limits.memory_bytes,
            "file_bytes": limits.file_bytes,
            "seccomp": seccomp.program().hex(),
            # No code stands there, and every Linux has it: the new root is built over it.
            "root": "/sys" if self.wall == "unshare" else "",
            "shown": _shown(),
        }
        with os.fdopen(os.memfd_create("job"), "w+b") as stdin:  # of no disk that may be full
            stdin.write(json.dumps(job).encode())
            stdin.seek(0)
            process = subprocess.Popen(
                self._command,
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={"PYTHONHASHSEED": "0", "PYTHONUTF8": "1"},
                cwd="/",
                start_new_session=True,
            )
            output, complaint, over = _watch(process, limits)
        return _read(process.returncode, output, complaint, over, self.wall)

    def close(self) -> None:
        """End the pool's threads; runs under way end first."""
        self._pool.shutdown()


def _command(wall: Wall) -> list[str]:
    executable = shutil.which(wall)
    if executable is None:
        raise MachineError(f"there is no command {wall}")
    python = [
        _python(),
        "-S",
        "-s",
        "-P",
        "-c",
        Path(sandbox_child.__file__).read_text(encoding="utf-8"),
    ]
    if wall == "unshare":
        spaces = ["--user", "--map-root-user", "--mount", "--net", "--ipc", "--uts", "--pid"]
        return [executable, *spaces, "--fork", "--kill-child", *python]
    shown = [part for path in _shown()[:-1] for part in ("--ro-bind", path, path)]
    walls = ["--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL"]
    device = ["--dev-bind", "/dev/null", "/dev/null"]
    return [executable, *walls, *shown, *device, "--remount-ro", "/", "--chdir", "/", *python]


def _python() -> str:
    return os.path.realpath(sys.executable)


@cache
def _shown() -> list[str]:
    """What Python needs to start: itself, its library, shared libraries; last /dev/null."""
    libraries = ["/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache"]
    own = [
        f"{sys.base_prefix}/lib",
        f"{sys.base_exec_prefix}/lib",
        sysconfig.get_path("stdlib"),
        _python(),
    ]
    found = [path for path in dict.fromkeys((*libraries, *own)) if Path(path).exists()]
    inner = [path for path in found if any(Path(other) in Path(path).parents for other in found)]
    return [*(path for path in found if path not in inner), "/dev/null"]


def _watch(process: subprocess.Popen[bytes], limits: Limits) -> tuple[bytes, bytes, End | None]:
    """Collect what a process writes until it ends; end it where it passes a limit."""
    assert process.stdout is not None
    assert process.stderr is not None
    parts: dict[int, list[bytes]] = {process.stdout.fileno(): [], process.stderr.fileno(): []}
    left, over = limits.output_bytes, None
    deadline = time.monotonic() + limits.wall_seconds
    still = set(parts)
    while still and over is None:
        ready, _, _ = select.select(list(still), [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            over = "timeout"
        for number in ready:
            data = os.read(number, 65536)
            parts[number].append(data)
            left -= len(data)
            if not data:
                still.discard(number)
            if left < 0:
                over = "output"
    if over is not None:
        process.kill()
    process.wait()
    output, complaint = (b"".join(part) for part in parts.values())
    process.stdout.close()
    process.stderr.close()
    return output, complaint, over  # type: ignore[return-value]


def _said_lines(output: bytes) -> Iterator[list[str]]:
    """What the child said, line by line; it ends where a line is not the child's."""
    for line in output.split(b"\n"):
        try:
            parts = json.loads(line)
        except (ValueError, RecursionError):
            # It was cut off, or the code under test wrote it: what follows is not the child's.
            return
        if isinstance(parts, list) and all(isinstance(part, str) for part in parts):
            yield [storable(part) for part in parts]


def _read(status: int, output: bytes, complaint: bytes, over: End | None, wall: Wall) -> Run:
    lines = list(_said_lines(output))
    if lines[:1] != [["closed"]]:
        said = lines[0][-1] if lines else " ".join(complaint.decode(errors="replace").split())
        raise MachineError(
            f"sandbox: {wall} does not close here: {said[-300:] or f'exit status {status}'}"
        )
    loaded = lines[1:2] == [["loaded"]]
    values = tuple((line[0], line[1]) for line in lines[2:] if len(line) == 2) if loaded else ()
    raised = lines[1][1] if not loaded and len(lines) == 2 and len(lines[1]) == 2 else ""
    end = over or _SIGNALS.get(status) or ("finished" if status == 0 else "crashed")
    return Run(end=end, loaded=loaded, values=values, raised=raised)


# Both walls give the status of a shell; a process that was killed itself has the negative number.
_ENDS: dict[int, End] = {SIGSYS: "forbidden", SIGXCPU: "timeout", SIGKILL: "timeout"}
_SIGNALS = {status: end for number, end in _ENDS.items() for status in (128 + number, -number)}


@cache
def find_sandbox() -> Sandbox:
    """Return the sandbox of this machine, tried out; one per process.

    Raises:
        MachineError: neither bubblewrap nor namespaces work here.
    """
    reasons = []
    for wall in WALLS:
        try:
            sandbox = Sandbox(wall)
            if sandbox.submit("x = 6 * 7", ["x"]).result().values == (("value", "42"),):
                return sandbox
            reasons.append(f"{wall}: a trial gave nothing")
        except MachineError as error:
            reasons.append(str(error))
    raise MachineError(
        f"no sandbox to run answers of kind code in ({'; '.join(reasons)}): install bubblewrap or "
        "allow user "
        "namespaces, or compare code without running it: filter.verifiers={FAMILY: code_text}"
    )
