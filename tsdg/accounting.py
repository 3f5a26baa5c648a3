"""What each worker process reports about itself: ``RUN/<phase>/workers/<token>.json``.

A file ``<token>.prom`` beside it says the same to Prometheus.

Each process has one pair of files per phase, replaced as a whole every few seconds and at the end.
The files of a dead process stay. They count what the process has done since it joined the phase, so
the sums over all files of a run are those of the run, whatever was killed or started again. Status,
report, cost and budgets read these files and nothing else.

GPUs count for as long as a process holds them for its servers: from when it asks for the servers,
before they are ready, to the end of its last phase, and between two phases too. Not counted are the
seconds before and after that in which the job has its GPUs, and what a killed process did after it
last wrote its file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import orjson

from tsdg.errors import VerificationError
from tsdg.layout import WORKERS
from tsdg.protocols import ReplicaFacts
from tsdg.storage import PARTIAL, list_names, make_directory, remove, storage_unfit, write_whole

if TYPE_CHECKING:
    from pydantic import TypeAdapter

SCHEMA_VERSION = 1
HISTORY_POINTS = 500
"""Most points that a file's history has."""

State = Literal["running", "stopped", "complete", "failed"]
"""``running`` is also what a killed process leaves behind: then ``updated`` stands still."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerOwner:
    """Which process it is; the Slurm fields are empty outside Slurm."""

    host: str
    pid: int
    slurm_job_id: str
    slurm_array_job_id: str
    slurm_array_task_id: str
    slurm_node: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerStatus:
    """One worker process in one phase.

    Times are Unix seconds, by a clock that runs steadily from ``started``.
    """

    schema_version: int
    owner: WorkerOwner
    started: float
    updated: float
    ended: float | None
    """None while it runs."""
    state: State
    reason: str
    """One line: why it stopped, failed, or ended before the phase did; empty otherwise."""
    rows_done: int
    """Rows of the phase with an outcome, of all processes, as this one last saw it."""
    rows_total: int
    units_committed: int
    """By this process, as all that follows."""
    requests_done: int
    resumed_requests: int
    """Answered from a journal, without a server; not among ``requests_done``."""
    in_flight: int
    in_flight_limit: int
    waiting: int
    """Requests that wait for a place in flight, or before they are sent again."""
    retries: Mapping[str, int]
    """Requests sent again, by reason."""
    failures: Mapping[str, int]
    """Requests that failed for good, by reason; each is among ``requests_done``."""
    prompt_tokens: int
    completion_tokens: int
    replicas: tuple[ReplicaFacts, ...]
    gpu_seconds: float
    """GPUs × seconds in which its replicas held them."""
    idle_gpu_seconds: float
    """Of those, without a request in flight; the start of the servers is idle as well."""
    history: tuple[tuple[float, int, int, int], ...]
    """Points of (seconds since ``started``, completion tokens so far, requests in flight, rows
    done), oldest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """Sums over worker processes, of one phase or of a whole run."""

    workers: int
    requests_done: int
    resumed_requests: int
    retries: Mapping[str, int]
    failures: Mapping[str, int]
    prompt_tokens: int
    completion_tokens: int
    gpu_seconds: float
    idle_gpu_seconds: float
    wall_seconds: float
    """During which at least one of them was at work."""

    @property
    def gpu_hours(self) -> float:
        """GPUs × hours, as they are shown and compared with budgets everywhere."""
        return round(self.gpu_seconds / 3600, 4)

    @property
    def idle_gpu_hours(self) -> float:
        """Of those, without a request in flight."""
        return round(self.idle_gpu_seconds / 3600, 4)


def spent(workers: Iterable[WorkerStatus]) -> Spent:
    """Add up worker processes."""
    each = tuple(workers)
    retries: Counter[str] = Counter()
    failures: Counter[str] = Counter()
    for worker in each:
        retries.update(worker.retries)
        failures.update(worker.failures)
    return Spent(
        workers=len(each),
        requests_done=sum(worker.requests_done for worker in each),
        resumed_requests=sum(worker.resumed_requests for worker in each),
        retries=dict(retries),
        failures=dict(failures),
        prompt_tokens=sum(worker.prompt_tokens for worker in each),
        completion_tokens=sum(worker.completion_tokens for worker in each),
        gpu_seconds=sum(worker.gpu_seconds for worker in each),
        idle_gpu_seconds=sum(worker.idle_gpu_seconds for worker in each),
        wall_seconds=covered((worker.started, worker.updated) for worker in each),
    )


def covered(spans: Iterable[tuple[float, float]]) -> float:
    """Length of the union of spans (start, end)."""
    total, reached = 0.0, float("-inf")
    for start, end in sorted(spans):
        total += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return total


def worker_path(phase: Path, token: str) -> Path:
    """Where the JSON file of a worker lies; its Prometheus text lies beside it with ``.prom``."""
    return phase / WORKERS / f"{token}.json"


def write_worker(phase: Path, token: str, status: WorkerStatus) -> None:
    """Replace the two files of a worker process.

    Args:
        phase: the phase's directory.
        token: of the process, unique among all that ever work on the phase.
        status: what to write.

    Raises:
        StorageError: they cannot be written.
    """
    path = worker_path(phase, token)
    make_directory(path.parent)
    write_whole(path, orjson.dumps(status, option=orjson.OPT_APPEND_NEWLINE))
    write_whole(
        path.with_suffix(".prom"), prometheus(status, phase=phase.name, worker=token).encode()
    )


def worker_tokens(phase: Path) -> tuple[str, ...]:
    """The tokens of all workers that ever wrote a file for the phase, sorted.

    Raises:
        StorageError: the directory cannot be read.
    """
    names = sorted(list_names(phase / WORKERS))
    return tuple(
        name.removesuffix(".json") for name in names if name.endswith(".json") and name[0] != "."
    )


def read_worker(phase: Path, token: str) -> WorkerStatus:
    """Read the file of one worker process.

    Raises:
        StorageError: it cannot be read.
        VerificationError: it is damaged, or of another version of tsdg.
    """
    path = worker_path(phase, token)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise storage_unfit("read", path, error) from error
    from pydantic import ValidationError

    try:
        status = _adapter().validate_json(data)
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise _damaged(
            path, f"{where} is missing or wrong" if where else "it is not a JSON object"
        ) from error
    if status.schema_version != SCHEMA_VERSION:
        raise _damaged(
            path, f"schema_version is {status.schema_version}, this tsdg reads {SCHEMA_VERSION}"
        )
    return status


def _damaged(path: Path, what: str) -> VerificationError:
    return VerificationError(
        f"the accounting file {path} is damaged: {what}: delete it (its figures are then missing "
        "in the sums)"
    )


def sweep_unfinished(phase: Path) -> None:
    """Remove half-written files of killed workers, once nobody works on the phase any more.

    Raises:
        StorageError: the directory cannot be read, or a file cannot be removed.
    """
    for name in list_names(phase / WORKERS):
        if name.startswith(".") and name.endswith(PARTIAL):
            remove(phase / WORKERS / name)


def read_workers(phase: Path) -> tuple[WorkerStatus, ...]:
    """All worker processes that ever worked on a phase, in the order in which they started.

    Args:
        phase: the phase's directory; one that does not exist has no workers.

    Raises:
        StorageError: a file cannot be read.
        VerificationError: a file is damaged, or of another version of tsdg.
    """
    workers = [read_worker(phase, token) for token in worker_tokens(phase)]
    return tuple(sorted(workers, key=lambda worker: worker.started))


def phases_of(run: Path) -> tuple[Path, ...]:
    """The directories of a run that hold workers' files, sorted by name.

    Raises:
        StorageError: the run directory cannot be read.
    """
    return tuple(run / name for name in sorted(list_names(run)) if (run / name / WORKERS).is_dir())


def read_run(run: Path) -> tuple[WorkerStatus, ...]:
    """All worker processes of all phases of a run.

    Raises:
        StorageError: a file cannot be read.
        VerificationError: a file is damaged, or of another version of tsdg.
    """
    return tuple(worker for phase in phases_of(run) for worker in read_workers(phase))


def prometheus(status: WorkerStatus, *, phase: str, worker: str) -> str:
    """The same as Prometheus text (format 0.0.4), for a text-file collector."""
    owner = status.owner
    here = {"phase": phase, "worker": worker, "host": owner.host}
    lines: list[str] = []

    def family(
        name: str, kind: str, text: str, samples: Iterable[tuple[Mapping[str, str], float]]
    ) -> None:
        lines.extend((f"# HELP tsdg_{name} {text}", f"# TYPE tsdg_{name} {kind}"))
        for labels, value in samples:
            lines.append(f"tsdg_{name}{{{_labels({**here, **labels})}}} {value}")

    def one(name: str, kind: str, text: str, value: float) -> None:
        family(name, kind, text, [({}, value)])

    family(
        "worker_info",
        "gauge",
        "The worker process; always 1.",
        [
            (
                {
                    "state": status.state,
                    "pid": str(owner.pid),
                    "slurm_job_id": owner.slurm_job_id,
                    "slurm_array_task_id": owner.slurm_array_task_id,
                    "slurm_node": owner.slurm_node,
                },
                1,
            ),
        ],
    )
    one("started_seconds", "gauge", "Unix time of its start.", status.started)
    one("updated_seconds", "gauge", "Unix time of this text.", status.updated)
    one(
        "rows_done", "gauge", "Rows of the phase with an outcome, of all workers.", status.rows_done
    )
    one("rows", "gauge", "Rows of the phase.", status.rows_total)
    one("units_committed_total", "counter", "Work units committed.", status.units_committed)
    one(
        "requests_total",
        "counter",
        "Requests with a reply or a final failure.",
        status.requests_done,
    )
    one(
        "resumed_requests_total",
        "counter",
        "Requests answered from a journal.",
        status.resumed_requests,
    )
    one("in_flight", "gauge", "Requests in flight.", status.in_flight)
    one("in_flight_limit", "gauge", "Requests that may be in flight.", status.in_flight_limit)
    one("waiting", "gauge", "Requests that wait for a place.", status.waiting)
    for name, counts in (("retries_total", status.retries), ("failures_total", status.failures)):
        text = (
            "Requests sent again." if name == "retries_total" else "Requests that failed for good."
        )
        family(
            name, "counter", text, [({"reason": reason}, n) for reason, n in sorted(counts.items())]
        )
    one("prompt_tokens_total", "counter", "Prompt tokens.", status.prompt_tokens)
    one("completion_tokens_total", "counter", "Tokens written.", status.completion_tokens)
    one("gpu_seconds_total", "counter", "GPUs held, times seconds.", status.gpu_seconds)
    one(
        "idle_gpu_seconds_total",
        "counter",
        "Of those, without a request in flight.",
        status.idle_gpu_seconds,
    )
    for name, kind, text in (
        ("gpus", "gauge", "GPUs of the replica."),
        ("held_s", "counter", "Seconds in which it held them."),
        ("ready_s", "counter", "Seconds in which the replica could take requests."),
        ("busy_s", "counter", "Of those, with a request in flight."),
        ("idle_s", "counter", "Of those, without one."),
        ("requests", "counter", "Requests that the replica replied to."),
        ("prompt_tokens", "counter", "Prompt tokens of the replica."),
        ("completion_tokens", "counter", "Tokens that the replica wrote."),
        ("restarts", "counter", "Starts of the replica after its first."),
    ):
        full = f"replica_{name.removesuffix('_s')}" + ("_seconds" if name.endswith("_s") else "")
        full += "_total" if kind == "counter" else ""
        family(
            full,
            kind,
            text,
            [({"replica": item.name}, getattr(item, name)) for item in status.replicas],
        )
    return "\n".join(lines) + "\n"


def _labels(labels: Mapping[str, str]) -> str:
    escaped = {
        key: text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
        for key, text in labels.items()
    }
    return ",".join(f'{key}="{text}"' for key, text in escaped.items())


@cache
def _adapter() -> TypeAdapter[WorkerStatus]:
    # Built at the first use: it takes milliseconds that commands without accounting need not pay.
    from pydantic import TypeAdapter

    return TypeAdapter(WorkerStatus)
