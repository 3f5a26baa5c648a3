"""How far each phase of a run has got and how fast it goes, from the files of its directory.

The cost hardly grows with the number of committed parts: they are listed once, and only some of
them are read.
"""

from __future__ import annotations

import socket
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tsdg.accounting import WorkerStatus, read_worker, spent, worker_tokens
from tsdg.engine.commit import committed_units, part_path
from tsdg.engine.owner import process_lives
from tsdg.engine.units import InputLayout, read_layout
from tsdg.errors import TsdgError, few
from tsdg.layout import PARTS, phase_name
from tsdg.package.manifest_form import Manifest
from tsdg.run.state import RunState, Steps

SILENT_S = 60.0
"""A worker that has not written for this long is dead: it writes every few seconds."""
_QUIET_S = 5.0
"""Servers that have not answered for less are not spoken of."""
_WINDOW_S = 300.0
"""Speed is that of the last minutes."""
_PARTS_READ = 64
"""Of a phase, evenly spread, to tell how much is accepted."""
_LEAVES = {
    "questions": "questions.list.element.question_id",
    "answers": "solutions.list.element.question_id",
}
_REJECTED = "rejections.list.element.stage"


@dataclass(frozen=True, kw_only=True)
class PhaseProgress:
    """How far a phase has got."""

    name: str
    units: int
    """0 where its input is not there yet, as for rows."""
    units_committed: int
    rows: int
    rows_done: int
    """With an outcome, committed or not."""
    workers: Mapping[str, int]
    """Processes by state: ``running``, ``stopped``, ``complete``, ``failed``, and ``dead`` for
    those that only stopped to write."""
    in_flight: int
    tokens_per_s: float
    """Written per second, over the last minutes; once nobody works on it, over all its time."""
    seconds_left: float | None
    """None where nobody works on it, or nobody knows."""
    requests: int
    prompt_tokens: int
    completion_tokens: int
    gpu_hours: float
    idle_gpu_hours: float
    retries: Mapping[str, int]
    failures: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """The results for rows of one task in one phase, in the parts that were read."""

    asked: int
    accepted: int


def read_all_workers(phase: Path) -> tuple[tuple[WorkerStatus, ...], tuple[str, ...]]:
    """The processes of a phase, oldest first, and a line for each file that cannot be read."""
    found, notes = [], []
    for token in worker_tokens(phase):
        try:
            found.append(read_worker(phase, token))
        except TsdgError as error:
            notes.append(str(error))
    return tuple(sorted(found, key=lambda worker: worker.started)), tuple(notes)


def slurm_key(worker: WorkerStatus) -> str:
    """The job or array element that a process is of, as :class:`tsdg.slurm.queue.Element` has it.

    Empty for none.
    """
    owner = worker.owner
    if owner.slurm_array_job_id:
        return f"{owner.slurm_array_job_id}_{owner.slurm_array_task_id}"
    return owner.slurm_job_id


def silent_servers(
    phase: str, workers: Iterable[WorkerStatus], *, now: float, over: frozenset[str] = frozenset()
) -> tuple[str, ...]:
    """Say of a phase that it works and none of its servers has ever answered; else nothing.

    Args:
        phase: as people call it.
        workers: its processes.
        now: Unix seconds.
        over: keys of what Slurm knows to be over.
    """
    alive = [worker for worker in workers if is_alive(worker, now=now, over=over)]
    servers = [replica for worker in alive for replica in worker.replicas]
    since = max((replica.held_s for replica in servers), default=0.0)
    if since < _QUIET_S or any(replica.ready_s > 0 for replica in servers):
        return ()
    names = few(list(dict.fromkeys(replica.url or replica.name for replica in servers)))
    said = f"{phase}: no server has answered so far, {since:.0f} s: {names} lost, or not up yet"
    return (f"{said}; `tsdg logs` shows what it says",)


def is_alive(worker: WorkerStatus, *, now: float, over: frozenset[str] = frozenset()) -> bool:
    """Whether a process still works: it says so, not long ago, and is not known to have ended.

    Args:
        worker: what it wrote last.
        now: Unix seconds.
        over: keys of what Slurm knows to be over.
    """
    if worker.state != "running" or now - worker.updated > SILENT_S or slurm_key(worker) in over:
        return False
    if worker.owner.slurm_job_id or worker.owner.host != socket.gethostname():
        return True
    return process_lives(worker.owner.pid)


def phase_progress(
    run: RunState,
    steps: Steps,
    workers: Sequence[WorkerStatus],
    *,
    now: float,
    over: frozenset[str] = frozenset(),
) -> PhaseProgress:
    """Work out how far a phase is.

    Args:
        run: the run.
        steps: of the phase.
        workers: all its processes.
        now: Unix seconds.
        over: keys of what Slurm knows to be over.

    Raises:
        TsdgError: its input or its folder is damaged.
    """
    layout, committed = _units(run, steps)
    alive = [worker for worker in workers if is_alive(worker, now=now, over=over)]
    sums = spent(workers)
    rows = layout.rows_total if layout else 0
    done = rows if run.gathered(steps) else _rows_done(layout, committed, alive)
    speed = sum(per_second(worker, 1, now) for worker in alive)
    if not alive and sums.wall_seconds:
        speed = sums.completion_tokens / sums.wall_seconds
    return PhaseProgress(
        name=phase_name(steps),
        units=layout.units if layout else 0,
        units_committed=len(committed),
        rows=rows,
        rows_done=done,
        workers=_states(workers, alive),
        in_flight=sum(worker.in_flight for worker in alive),
        tokens_per_s=round(speed, 1),
        seconds_left=_seconds_left(rows - done, alive, now),
        requests=sums.requests_done,
        prompt_tokens=sums.prompt_tokens,
        completion_tokens=sums.completion_tokens,
        gpu_hours=sums.gpu_hours,
        idle_gpu_hours=sums.idle_gpu_hours,
        retries=sums.retries,
        failures=sums.failures,
    )


def _rows_done(
    layout: InputLayout | None, committed: frozenset[int], alive: Sequence[WorkerStatus]
) -> int:
    """Rows of the committed units, or what the living workers say where that is more."""
    if layout is None:
        return 0
    done = sum(layout.rows[unit] for unit in committed if unit < layout.units)
    told = max((worker.rows_done for worker in alive), default=0)
    return max(done, min(layout.rows_total, told))


def _states(workers: Sequence[WorkerStatus], alive: Sequence[WorkerStatus]) -> dict[str, int]:
    """How many workers are in each state."""
    # Compared as objects: by value takes seconds for thousands.
    living = {id(worker) for worker in alive}
    return dict(
        Counter(
            "dead" if worker.state == "running" and id(worker) not in living else worker.state
            for worker in workers
        )
    )


def _units(run: RunState, steps: Steps) -> tuple[InputLayout | None, frozenset[int]]:
    if not run.has_input(steps):
        return None, frozenset()
    return read_layout(run.phase_input(steps)), committed_units(run.folder(steps) / PARTS)


def per_second(worker: WorkerStatus, column: int, now: float) -> float:
    """Increase per second of one column of a worker's history, over its last minutes."""
    points = worker.history
    if not points:
        return 0.0
    last = points[-1]
    since = max(0.0, last[0] - _WINDOW_S)
    first = next(point for point in points if point[0] >= since)
    if first is last and len(points) > 1:
        first = points[-2]
    seconds = max(last[0] - first[0], 0.0) + max(0.0, now - worker.updated)
    return (last[column] - first[column]) / seconds if seconds > 0 else 0.0


def _seconds_left(rows: int, alive: Sequence[WorkerStatus], now: float) -> float | None:
    """Time left by the process that saw most of the phase, as each counts all rows."""
    if not alive:
        return None
    speed = max(per_second(worker, 3, now) for worker in alive)
    return round(rows / speed, 1) if speed > 0 else None


def accepted_by_task(run: RunState, steps: Steps) -> tuple[dict[str, dict[str, Accepted]], bool]:
    """Count what was accepted, from some of the committed parts.

    Args:
        run: the run.
        steps: of the phase.

    Returns:
        Step → task → counts, and whether the parts that were read are all of the phase.

    Raises:
        TsdgError: the input or the folder is damaged.
    """
    layout, committed = _units(run, steps)
    if layout is None:
        return {step: {} for step in steps}, False
    counts: dict[str, tuple[Counter[str], Counter[str]]] = {
        step: (Counter(), Counter()) for step in steps
    }
    units = sorted(unit for unit in committed if unit < layout.units)
    step_width = max(1, -(-len(units) // _PARTS_READ))
    chosen = units[::step_width]
    groups: dict[int, list[str]] = {}
    with pq.ParquetFile(layout.path, metadata=layout.footer) as source:
        for unit in chosen:
            place = layout.places[unit]
            if place.group not in groups:
                groups = {
                    place.group: source.read_row_group(place.group, columns=["task"])[
                        "task"
                    ].to_pylist()
                }
            tasks = groups[place.group][place.start : place.start + place.rows]
            part = part_path(run.folder(steps) / PARTS, unit)
            try:
                _count_part(part, tasks, counts)
            except (OSError, pa.ArrowException):
                continue  # gathered and removed, or damaged: other commands say so
    out = {step: _accepted(*counted) for step, counted in counts.items()}
    return out, len(chosen) == layout.units


def _accepted(asked: Counter[str], accepted: Counter[str]) -> dict[str, Accepted]:
    """Both counts of each task."""
    return {task: Accepted(asked=number, accepted=accepted[task]) for task, number in asked.items()}


def _count_part(
    path: Path, tasks: Iterable[str], counts: Mapping[str, tuple[Counter[str], Counter[str]]]
) -> None:
    with pq.ParquetFile(path) as file:
        rows = file.read(columns=[*(_LEAVES[step] for step in counts), _REJECTED]).to_pylist()
    for task, row in zip(tasks, rows, strict=False):
        refused = Counter(entry["stage"] for entry in row["rejections"] or ())
        for step, (asked, accepted) in counts.items():
            kept = len(row["questions" if step == "questions" else "solutions"] or ())
            asked[task] += kept + refused[step]
            accepted[task] += kept


def tasks_of(
    run: RunState,
    manifest: Manifest | None,
    seeds: Mapping[str, Any],
) -> dict[str, dict[str, Any]]:
    """What is known about each task: exact for a complete run, else estimated from some parts.

    Args:
        run: the run.
        manifest: of a complete run.
        seeds: the counts of the seeds by task; empty before there are any.

    Returns:
        Task → ``seeds``, ``questions``, ``answered``, ``records``, ``tokens`` (null where not known
        exactly), ``question_acceptance``, ``answer_acceptance`` (shares; null where not known),
        ``exact``.
    """
    if manifest is not None:
        return {
            name: {
                "seeds": task["seeds"]["sampled"],
                "questions": task["questions"]["generated"],
                "answered": task["answers"]["accepted"],
                "records": task["records"],
                "tokens": task["tokens"],
                "question_acceptance": _share(
                    task["questions"]["generated"], task["questions"]["asked"]
                ),
                "answer_acceptance": _share(
                    task["answers"]["accepted"], task["answers"]["questions"]
                ),
                "exact": True,
            }
            for name, task in manifest["tasks"].items()
        }
    seen: dict[str, dict[str, Accepted]] = {}
    whole: dict[str, bool] = {}
    for steps in run.phases:
        if steps == ("study",):
            continue
        counts, exact = accepted_by_task(run, steps)
        seen |= counts
        whole |= dict.fromkeys(steps, exact)
    out: dict[str, dict[str, Any]] = {}
    for task, count in seeds.items():
        asked = {step: seen.get(step, {}).get(task) for step in ("questions", "answers")}
        exact_of = {step: whole.get(step, False) for step in asked}
        out[task] = {
            "seeds": count["sampled"],
            "questions": _number(asked["questions"], exact_of["questions"]),
            "answered": _number(asked["answers"], exact_of["answers"]),
            "records": None,
            "tokens": None,
            "question_acceptance": _of(asked["questions"]),
            "answer_acceptance": _of(asked["answers"]),
            "exact": all(whole.values()),
        }
    return out


def _number(counts: Accepted | None, exact: bool) -> int | None:
    return (counts.accepted if counts else 0) if exact else None


def _of(counts: Accepted | None) -> float | None:
    return _share(counts.accepted, counts.asked) if counts else None


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def now() -> float:
    """Unix seconds."""
    return time.time()
