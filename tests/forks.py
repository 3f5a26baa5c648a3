"""Processes that start at once: forked by one that has imported everything, see ``zygote.py``.

To start Python and import what a run needs takes some seconds of a core, many times what most
tests do with it.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

OWN = frozenset({"TSDG_MIRROR", "TSDG_OUTPUT_ROOT"})
"""Variables of whoever runs the tests that no command is to see: with the mirror, each small run
would compare its seeds with all benchmarks."""
PATIENCE_S = float(os.environ.get("CHAOS_PATIENCE_S", "900"))
"""How long a test waits for what must come: long, as only a failure takes so long."""


def bare_environment() -> dict[str, str]:
    """The environment of commands: without ``OWN``."""
    return {name: value for name, value in os.environ.items() if name not in OWN}


def ending_s(processes: Sequence[psutil.Process]) -> float:
    """Wait until all have ended; returns the seconds that it took.

    Those in which one of them was ready and waited for a core do not count: how many others want
    one is not its fault.
    """
    began = time.monotonic()
    first = {process.pid: _waited_s(process.pid) for process in processes}
    last = dict(first)
    left = list(processes)
    while left := psutil.wait_procs(left, timeout=0.02)[1]:
        last |= {process.pid: _waited_s(process.pid) or last[process.pid] for process in left}
        assert time.monotonic() - began < PATIENCE_S, left
    return time.monotonic() - began - (sum(last.values()) - sum(first.values()))


def _waited_s(pid: int) -> float:
    """How long a process has waited for a core; 0 where that is not known any more."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9
    except OSError:
        return 0.0


class Child:
    """A process that the zygote forked; it leads its own session and process group."""

    def __init__(self, forks: Forks, pid: int, name: str, log: Path) -> None:
        self._forks = forks
        self.pid = pid
        self.name = name
        self.log = log
        self.code: int | None = None
        self.ended = threading.Event()

    def signal(self, number: signal.Signals, *, group: bool = False) -> None:
        """Send a signal to it, or to its whole group; nothing where it has ended."""
        self._forks.order(signal=number, pid=self.pid, group=group)

    def kill(self, *, group: bool = False) -> None:
        self.signal(signal.SIGKILL, group=group)
        assert self.ended.wait(PATIENCE_S)

    def wait(self, seconds: float = PATIENCE_S) -> int:
        assert self.ended.wait(seconds), (
            f"{self.name} still runs after {seconds} s; it said: {self.said()}"
        )
        assert self.code is not None
        return self.code

    @property
    def alive(self) -> bool:
        return not self.ended.is_set()

    def said(self) -> str:
        return self.log.read_text() if self.log.exists() else ""


class Forks:
    """The zygote, a process."""

    def __init__(self, *prefix: str, preload: Sequence[str] = ()) -> None:
        """Start it.

        Args:
            prefix: a command before its own, where namespaces or capabilities are to differ.
            preload: modules to import besides those that every run needs.
        """
        self._process = subprocess.Popen(
            [*prefix, sys.executable, str(Path(__file__).with_name("zygote.py")), *preload],
            env=bare_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        self._started: queue.Queue[int] = queue.Queue()
        self._children: dict[int, Child] = {}
        self._early: dict[int, int] = {}
        self._lock = threading.Lock()
        self._writing, self._starting = threading.Lock(), threading.Lock()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def start(
        self,
        call: str,
        *arguments: Any,
        out: Path,
        err: Path | None = None,
        environment: Mapping[str, str] | None = None,
        whole: bool = False,
    ) -> Child:
        """Fork a process that makes a call of ``zygote.CALLS``.

        Args:
            call: its name.
            arguments: of the call, as JSON has them.
            out: the file that gets its standard output.
            err: the file that gets its standard error; ``out`` by default.
            environment: variables to set.
            whole: whether there are no others.
        """
        with self._starting:
            self.order(
                call=call,
                arguments=arguments,
                environment=environment or {},
                whole=whole,
                out=str(out),
                err=str(err or out),
            )
            pid = self._started.get(timeout=PATIENCE_S)
            assert pid, "the zygote has ended"
        child = Child(self, pid, out.stem, err or out)
        with self._lock:
            self._children[pid] = child
            if pid in self._early:
                self._end(pid, self._early.pop(pid))
        return child

    def order(self, **order: Any) -> None:
        """Tell it what to do; see ``zygote.py``."""
        assert self._process.stdin is not None
        with self._writing:
            self._process.stdin.write(json.dumps(order) + "\n")

    def close(self) -> None:
        """End all children."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(PATIENCE_S)
        self._reader.join()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            facts = json.loads(line)
            if "started" in facts:
                self._started.put(facts["started"])
                continue
            with self._lock:
                if facts["ended"] in self._children:
                    self._end(facts["ended"], facts["code"])
                else:
                    self._early[facts["ended"]] = facts["code"]
        self._started.put(0)
        with self._lock:
            for child in self._children.values():  # the zygote has ended, and they with it
                child.ended.set()

    def _end(self, pid: int, code: int) -> None:
        child = self._children.pop(pid)
        child.code = code
        child.ended.set()


class Zygote:
    """Starts the processes of one test, with their logs in one folder."""

    def __init__(self, forks: Forks, scratch: Path) -> None:
        self.scratch = scratch
        self._forks = forks
        self._children: list[Child] = []
        self._lock = threading.Lock()

    def start(
        self, call: str, *arguments: Any, name: str = "", environment: dict[str, str] | None = None
    ) -> Child:
        """Fork a process that makes a call of ``zygote.CALLS``."""
        with self._lock:
            name = name or f"{call}-{len(self._children) + 1}"
            log = self.scratch / f"{name}.log"
            child = self._forks.start(call, *arguments, out=log, environment=environment)
            self._children.append(child)
            return child

    def close(self) -> None:
        """End those that still run, each with its group."""
        for child in self._children:
            if child.alive:
                child.kill(group=True)
