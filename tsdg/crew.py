"""Jobs in several processes, whose results come in the order of the jobs.

A process is started afresh (never forked: this one may have threads) and ends when its pipe does,
so that none outlives this process, however it dies. What all of them need is handed over as a file
that they map: of large arrays there is one copy in memory, not one for each.
"""

from __future__ import annotations

import gc
import mmap
import multiprocessing
import os
import pickle
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Generic, Self, TypeVar

import pyarrow as pa

from tsdg.errors import MachineError
from tsdg.scratch import new_scratch
from tsdg.storage import storage

Job = TypeVar("Job")
Result = TypeVar("Result")
Do = Callable[[Job], Result]

_ALIGNED = 64
"""Bytes at whose multiples arrays begin."""
_COLLECTED = (10_000, 10, 50)
"""Objects made before the collector looks at the new ones, and so on: rows make many objects and
hardly any cycles, and by default a tenth of the time goes into looking for those. With many more
objects each look would hold up replies for longer than 5 ms."""
_AHEAD = 2
"""Jobs that a process has at once, so that it never waits for the next."""


def collect_seldom() -> None:
    """Let this process look for garbage in cycles as seldom as a stage's work wants it."""
    gc.set_threshold(*_COLLECTED)


def crew_size(rows: int, *, each: int) -> int:
    """Return how many processes are worth their start; 1 is this one alone.

    Args:
        rows: to be done.
        each: fewer rows than this are done before another process has started.
    """
    return max(1, min(len(os.sched_getaffinity(0)), rows // each))


def in_order(
    do: Do[Job, Result], jobs: Iterable[Job], *, processes: int, what: str
) -> Generator[tuple[Job, Result], None, None]:
    """Yield each job with its result, in order; done here where ``processes`` is 1.

    Args:
        do: does a job; picklable where there are several processes.
        jobs: likewise.
        processes: how many.
        what: the jobs are, for messages.

    Raises:
        MachineError: a process died.
    """
    if processes == 1:
        yield from ((job, do(job)) for job in jobs)
        return
    with Crew(processes, _itself, (do,), what=what) as crew:
        yield from crew.run(jobs)


def _itself(do: Do[Job, Result]) -> Do[Job, Result]:
    return do


class Crew(Generic[Job, Result]):
    """Does jobs in several processes."""

    def __init__(
        self,
        count: int,
        make: Callable[..., Do[Job, Result]],
        arguments: Sequence[Any],
        *,
        what: str,
    ) -> None:
        """Start the processes.

        Args:
            count: how many.
            make: called in each process with ``arguments``; what it returns does the jobs.
            arguments: picklable; their large arrays are shared.
            what: the processes do, for the message when one dies.

        Raises:
            StorageError: ``TMPDIR`` cannot be written.
        """
        self._what = what
        self._scratch = new_scratch("crew")
        file = self._scratch.path / "arrays"
        try:
            head, sizes = _dump(tuple(arguments), file)
        except BaseException:
            self._scratch.remove()
            raise
        context = multiprocessing.get_context("spawn")
        self._workers: list[tuple[multiprocessing.context.SpawnProcess, Connection]] = []
        for _ in range(count):
            ours, theirs = context.Pipe()
            process = context.Process(
                target=_serve, args=(theirs, make, head, sizes, file), daemon=True, name="tsdg crew"
            )
            process.start()
            theirs.close()
            self._workers.append((process, ours))

    def run(self, jobs: Iterable[Job]) -> Iterator[tuple[Job, Result]]:
        """Yield each job with its result, in order.

        Raises:
            TsdgError: what a job raised.
            MachineError: a process died.
        """
        waiting: deque[tuple[Job, Connection]] = deque()
        jobs = iter(jobs)
        # In turn: as results are taken in order too, no process ever has more than its share
        # waiting in its pipe.
        turns = [connection for _, connection in self._workers] * _AHEAD
        for connection in turns:
            self._send(connection, jobs, waiting)
        while waiting:
            job, connection = waiting.popleft()
            result = self._receive(connection)
            self._send(connection, jobs, waiting)
            yield job, result

    def _send(
        self,
        connection: Connection,
        jobs: Iterator[Job],
        waiting: deque[tuple[Job, Connection]],
    ) -> None:
        job = next(jobs, None)
        if job is None:
            return
        try:
            connection.send(job)
        except OSError:
            raise self._died(connection) from None
        waiting.append((job, connection))

    def _receive(self, connection: Connection) -> Result:
        try:
            result = connection.recv()
        except (EOFError, OSError):
            raise self._died(connection) from None
        if isinstance(result, BaseException):
            raise result
        done: Result = result
        return done

    def _died(self, connection: Connection) -> MachineError:
        process = next(process for process, ours in self._workers if ours is connection)
        process.join(timeout=10)
        return MachineError(
            f"{self._what} ended with exit code {process.exitcode}; -9 is mostly want of memory: "
            "give the job more, or let it have fewer cores"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process, connection in self._workers:
            connection.close()
            process.kill()  # it holds nothing that could be lost
            process.join()
        self._scratch.remove()


def _dump(value: object, path: Path) -> tuple[bytes, list[int]]:
    """Write a value's arrays to a file; return the rest of it, pickled, and the arrays' sizes."""
    buffers: list[pickle.PickleBuffer] = []
    head = pickle.dumps(value, protocol=5, buffer_callback=buffers.append)
    sizes = []
    with storage("write", path), path.open("wb") as file:
        for buffer in buffers:
            sizes.append(file.write(buffer.raw()))
            file.write(bytes(-file.tell() % _ALIGNED))
    return head, sizes


def _load(head: bytes, sizes: Sequence[int], path: Path) -> Any:
    view = memoryview(b"")
    if sum(sizes):  # an empty file cannot be mapped
        with path.open("rb") as file:
            view = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    buffers, start = [], 0
    for size in sizes:
        buffers.append(view[start : start + size])
        start += size + -size % _ALIGNED
    return pickle.loads(head, buffers=buffers)


def _serve(
    connection: Connection,
    make: Callable[..., Callable[[Any], Any]],
    head: bytes,
    sizes: Sequence[int],
    path: Path,
) -> None:
    """Do the jobs that come through a pipe until it ends."""
    # What these mean is for the process at the other end to say.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)
    # There are as many processes as cores: none should use more than its own.
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    # Arrow's own allocator keeps what row groups once took: a tenth of a worker that reads large
    # ones.
    pa.set_memory_pool(pa.system_memory_pool())
    result: Any
    # Jobs are taken from the pipe while a result waits for room in it: else this process and the
    # one at the other end could both wait for the other to read.
    waiting: SimpleQueue[list[Any]] = SimpleQueue()
    threading.Thread(target=_read_jobs, args=(connection, waiting), daemon=True).start()
    with suppress(OSError):
        do = None
        while taken := waiting.get():
            job = taken[0]
            try:
                do = do or make(*_load(head, sizes, path))
                result = do(job)
            except Exception as error:
                result = error
            connection.send(result)


def _read_jobs(connection: Connection, waiting: SimpleQueue[list[Any]]) -> None:
    """Take each job that comes through a pipe; an empty list says that it has ended."""
    with suppress(EOFError, OSError):
        while True:
            waiting.put([connection.recv()])
    waiting.put([])
