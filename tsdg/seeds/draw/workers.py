"""Row readers in processes of their own, whose results come in the order of the jobs.

A worker is started afresh (never forked: this process may have threads) and ends when its pipe
does, so that none outlives this process, however it dies. The index of held-out items is handed
over as a file that all workers map: there is one copy of it in memory, not one for each.
"""

from __future__ import annotations

import gc
import mmap
import multiprocessing
import os
import pickle
import signal
import tempfile
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Literal, Self

import pyarrow as pa

from tsdg.errors import MachineError
from tsdg.seeds.draw.doubts import NO_DOUBTS, Doubts
from tsdg.seeds.draw.selection import TaskSource
from tsdg.seeds.draw.triage import BuiltSeeds, Job, JobResult, RowReader, Triaged
from tsdg.seeds.heldout.index import LeakIndex
from tsdg.storage import storage

ROWS_OF_A_WORKER = 50_000
"""Fewer rows than this are done before another worker has started."""
_ALIGNED = 64
"""Bytes at whose multiples arrays begin."""
_AHEAD = 2
"""Jobs that a worker has at once, so that it never waits for the next."""


def worker_count(wanted: int | Literal["auto"], rows: int) -> int:
    """Return how many processes to use; 1 is this one alone.

    Args:
        wanted: ``seeds.workers``.
        rows: of the request.
    """
    if wanted != "auto":
        return wanted
    return max(1, min(len(os.sched_getaffinity(0)), rows // ROWS_OF_A_WORKER))


class Alone:
    """Does the jobs in this process."""

    def __init__(
        self,
        sources: Sequence[TaskSource],
        index: LeakIndex,
        seed: int,
        doubts: Doubts = NO_DOUBTS,
    ) -> None:
        """Take what a :class:`RowReader` takes."""
        self._reader = RowReader(sources, index, seed, doubts)

    def run(self, jobs: Iterable[Job]) -> Iterator[tuple[Job, JobResult]]:
        """Yield each job with its result, in order."""
        for job in jobs:
            yield job, self._reader.do(job)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        gc.unfreeze()  # see RowReader


class Workers:
    """Does the jobs in several processes."""

    def __init__(
        self,
        count: int,
        sources: Sequence[TaskSource],
        index: LeakIndex,
        seed: int,
        doubts: Doubts = NO_DOUBTS,
    ) -> None:
        """Start the processes.

        Args:
            count: how many.
            sources: as for a :class:`RowReader`.
            index: likewise.
            seed: likewise.
            doubts: likewise.

        Raises:
            StorageError: ``TMPDIR`` cannot be written.
        """
        with storage("write scratch files of the seeds in", Path(tempfile.gettempdir())):
            self._folder = tempfile.TemporaryDirectory(
                prefix="tsdg-seeds-", ignore_cleanup_errors=True
            )
        file = Path(self._folder.name) / "index"
        head, sizes = _dump(index, file)
        setup = (tuple(sources), head, sizes, file, seed, doubts)
        context = multiprocessing.get_context("spawn")
        self._workers: list[tuple[multiprocessing.context.SpawnProcess, Connection]] = []
        for _ in range(count):
            ours, theirs = context.Pipe()
            process = context.Process(
                target=_serve, args=(theirs, *setup), daemon=True, name="tsdg seeds"
            )
            process.start()
            theirs.close()
            self._workers.append((process, ours))

    def run(self, jobs: Iterable[Job]) -> Iterator[tuple[Job, JobResult]]:
        """Yield each job with its result, in order.

        Raises:
            TsdgError: what a reader raised.
            MachineError: a worker died.
        """
        waiting: deque[tuple[Job, Connection]] = deque()
        jobs = iter(jobs)
        # In turn: as results are taken in order too, no worker ever has more than its share waiting
        # in its pipe.
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

    def _receive(self, connection: Connection) -> JobResult:
        try:
            result = connection.recv()
        except (EOFError, OSError):
            raise self._died(connection) from None
        if isinstance(result, BaseException):
            raise result
        assert isinstance(result, (Triaged, BuiltSeeds))
        return result

    def _died(self, connection: Connection) -> MachineError:
        process = next(process for process, ours in self._workers if ours is connection)
        process.join(timeout=10)
        return MachineError(
            "seeds.workers: a process that normalises rows ended with exit code "
            f"{process.exitcode}; -9 is mostly want "
            "of memory: give the job more, or take fewer with seeds.workers=N"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process, connection in self._workers:
            connection.close()
            process.kill()  # it holds nothing that could be lost
            process.join()
        self._folder.cleanup()


def _dump(index: LeakIndex, path: Path) -> tuple[bytes, list[int]]:
    """Write the index's arrays to a file; return the rest of it, pickled, and the arrays' sizes."""
    buffers: list[pickle.PickleBuffer] = []
    head = pickle.dumps(index, protocol=5, buffer_callback=buffers.append)
    sizes = []
    with storage("write", path), path.open("wb") as file:
        for buffer in buffers:
            sizes.append(file.write(buffer.raw()))
            file.write(bytes(-file.tell() % _ALIGNED))
    return head, sizes


def _load(head: bytes, sizes: Sequence[int], path: Path) -> LeakIndex:
    view = memoryview(b"")
    if sum(sizes):  # an empty file cannot be mapped
        with path.open("rb") as file:
            view = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    buffers, start = [], 0
    for size in sizes:
        buffers.append(view[start : start + size])
        start += size + -size % _ALIGNED
    index = pickle.loads(head, buffers=buffers)
    assert isinstance(index, LeakIndex)
    return index


def _serve(
    connection: Connection,
    sources: Sequence[TaskSource],
    head: bytes,
    sizes: Sequence[int],
    path: Path,
    seed: int,
    doubts: Doubts,
) -> None:
    """Do the jobs that come through a pipe until it ends."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1):
        signal.signal(
            number, signal.SIG_IGN
        )  # what these mean is for the process at the other end to say
    # Arrow's own allocator keeps what row groups once took: a tenth of a worker that reads large
    # ones.
    pa.set_memory_pool(pa.system_memory_pool())
    result: Any
    with suppress(EOFError, OSError):
        reader = None
        while True:
            job = connection.recv()
            try:
                reader = reader or RowReader(sources, _load(head, sizes, path), seed, doubts)
                result = reader.do(job)
            except Exception as error:
                result = error
            connection.send(result)
