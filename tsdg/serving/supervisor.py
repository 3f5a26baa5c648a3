"""Runs one model server, as a process between tsdg and it, and lets nothing of it outlive tsdg.

Run by file name, with the standard library only: ``python -I -S supervisor.py PARENT_PID GRACE_S
SCRATCH COMMAND...``

The server runs in a session of its own. The supervisor ends this session

* when tsdg dies for any reason: standard input reaches its end, or the parent changes;
* when the server itself ends, because its engine and workers would live on;
* on SIGTERM.

It sends SIGTERM to the server, then to what it leaves, and SIGKILL after GRACE_S, until no process
is left. As the supervisor is the subreaper of all that the server starts, it finds even a process
that left the session. It removes the shared memory that only these processes had mapped, as far as
a look every ten seconds and one at the end show it, and at the end the folder SCRATCH with the
sockets and files that they left there; an empty word names none.

Standard output tells tsdg ``started PID`` and, at the end, ``ended exit N`` or ``ended signal N``.
Standard error is the server's log.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import shutil
import signal
import sys
import time
from pathlib import Path

_SET_PDEATHSIG = 1
_SET_CHILD_SUBREAPER = 36
_LEFT_OVER_S = 1.0
_TRACKER_S = 1.0
_LOOK_S = 10.0
_SHARED_MEMORY = "/dev/shm/"


class Supervisor:
    """One server and all its processes."""

    def __init__(self, parent: int, grace_s: float, scratch: str) -> None:
        """Note whom to outlive by nothing, how patient to be, and what to remove."""
        self._parent = parent
        self._scratch = scratch
        self._grace_s = grace_s
        self._server = 0
        self._status: int | None = None
        self._told_to_end = False
        self._segments: set[str] = set()

    def run(self, command: list[str]) -> None:
        """Start ``command``, wait for its end or for the end of tsdg, and leave nothing behind."""
        wake, waker = os.pipe()
        os.set_blocking(wake, False)
        os.set_blocking(waker, False)
        signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._end)
        # Slurm sends these to every process of a step to announce a preemption; they would end the
        # server. Ignored signals stay ignored in what is started from here.
        for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        _prctl(_SET_CHILD_SUBREAPER, 1)
        self._server = self._start(command)
        _tell(f"started {self._server}")
        look = time.monotonic() + _LOOK_S
        while not self._told_to_end and self._status is None and os.getppid() == self._parent:
            readable, _, _ = select.select([0, wake], [], [], 0.5)
            if wake in readable:
                with contextlib.suppress(BlockingIOError):
                    os.read(wake, 4096)
            if 0 in readable and not os.read(0, 4096):
                self._told_to_end = True
            if time.monotonic() >= look:
                look = time.monotonic() + _LOOK_S
                self._note_segments(_processes_of(self._server))
            self._reap()
        self._end_all()
        if self._scratch:
            shutil.rmtree(self._scratch, ignore_errors=True)
        _tell(f"ended {_told(self._status or 0)}")

    def _end(self, *_: object) -> None:
        self._told_to_end = True

    def _start(self, command: list[str]) -> int:
        supervisor = os.getpid()
        pid = os.fork()
        if pid:
            return pid
        try:
            os.setsid()
            # Should the supervisor be killed, the server at least shuts down, and a healthy one
            # takes its engine along.
            _prctl(_SET_PDEATHSIG, signal.SIGTERM)
            if os.getppid() != supervisor:
                os._exit(1)
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD, signal.SIGPIPE):
                signal.signal(number, signal.SIG_DFL)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(2, 1)
            os.execvp(command[0], command)
        except OSError as error:
            os.write(2, f"OSError: cannot start {command[0]}: {error.strerror}\n".encode())
        finally:
            os._exit(127)

    def _reap(self) -> None:
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return
                if pid == self._server:
                    self._status = status

    def _end_all(self) -> None:
        left = _processes_of(self._server)
        self._note_segments(left)
        deadline = time.monotonic() + self._grace_s
        if self._status is None:
            _kill([self._server], signal.SIGTERM)
        told = False
        while left:
            time.sleep(0.02)
            self._reap()
            left = _processes_of(self._server)
            if self._status is not None and not told:
                # The server is gone: what it did not end itself gets its own chance, a short one.
                told = True
                _kill(left, signal.SIGTERM)
                deadline = min(deadline, time.monotonic() + _LEFT_OVER_S)
            late = time.monotonic() - deadline
            if late > 0:
                # Python's resource trackers remove what the killed leave, and end by themselves: a
                # moment for them.
                _kill(
                    [pid for pid in left if late > _TRACKER_S or not _is_tracker(pid)],
                    signal.SIGKILL,
                )
        self._reap()
        _remove(self._segments)

    def _note_segments(self, pids: list[int]) -> None:
        """Remember what these processes have mapped: once killed, they cannot be asked."""
        self._segments = {path for path in self._segments if Path(path).exists()}
        self._segments.update(name for pid in pids for name in _segments(pid))


def _prctl(option: int, value: int) -> None:
    """Call Linux's prctl; without it there is one line of defence less, but still the session."""
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _tell(line: str) -> None:
    with contextlib.suppress(OSError):  # tsdg may be dead
        os.write(1, f"{line}\n".encode())


def _kill(pids: list[int], number: int) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def _pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _told(status: int) -> str:
    """How a process ended, of its wait status."""
    if os.WIFSIGNALED(status):
        return f"signal {os.WTERMSIG(status)}"
    return f"exit {os.WEXITSTATUS(status)}"


def _processes_of(server: int) -> list[int]:
    """List the living processes of the server's session and group, and our descendants."""
    parents: dict[int, int] = {}
    members: list[int] = []
    for name in _pids():
        try:
            stat = Path(f"/proc/{name}/stat").read_bytes()
        except OSError:
            continue
        # The command's name, in brackets, may hold anything: what is needed stands after it.
        state, parent, group, session = stat.rpartition(b")")[2].split()[:4]
        if state in (b"Z", b"X"):
            continue
        parents[name] = int(parent)
        if server in (int(group), int(session)):
            members.append(name)
    found = set(members)
    me = os.getpid()
    for pid in parents:
        line = [pid]
        while line[-1] in parents and line[-1] != me and line[-1] not in found:
            line.append(parents[line[-1]])
        if line[-1] == me or line[-1] in found:
            found.update(line)
    found.discard(me)
    return sorted(found)


def _is_tracker(pid: int) -> bool:
    try:
        return b"multiprocessing.resource_tracker" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def _segments(pid: int) -> set[str]:
    """Name the files of shared memory that a process has mapped."""
    try:
        with Path(f"/proc/{pid}/maps").open(encoding="utf-8", errors="replace") as file:
            paths = {
                line.rstrip("\n").split(maxsplit=5)[-1] for line in file if _SHARED_MEMORY in line
            }
    except OSError:
        return set()
    return {path for path in paths if path.startswith(_SHARED_MEMORY)}


def _remove(segments: set[str]) -> None:
    """Remove the user's own shared memory that only processes now gone had mapped."""
    mine = {
        path for path in segments if Path(path).exists() and Path(path).stat().st_uid == os.getuid()
    }
    for pid in _pids() if mine else ():
        mine -= _segments(pid)
    for path in mine:
        with contextlib.suppress(OSError):
            Path(path).unlink()


if __name__ == "__main__":
    Supervisor(int(sys.argv[1]), float(sys.argv[2]), sys.argv[3]).run(sys.argv[4:])
