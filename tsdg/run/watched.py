"""What ``tsdg watch`` shows: a run's phases and their processes, what is lost, a record to read.

What is accepted and lost is counted in committed parts. They never change, so that each is read
once; of very many, some are read, evenly spread.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tsdg.accounting import WorkerStatus
from tsdg.engine.commit import committed_units, part_path
from tsdg.layout import PARTS, QUESTIONS
from tsdg.run.phase_progress import (
    PhaseProgress,
    is_alive,
    now,
    per_second,
    read_all_workers,
    slurm_key,
)
from tsdg.run.state import RunState, Steps
from tsdg.run.status import RunStatus, read_status

_NEWEST_READ = 20
"""Most parts that are read at once for an accepted row."""
_PARTS_READ = 256
"""Most parts of a phase that are counted."""
_COUNTED = {
    "study": "studies.list.element.seed_id",
    "questions": "questions.list.element.question_id",
    "answers": "solutions.list.element.question_id",
}
"""Step → the column of a part that has an entry for each row that the step accepted."""
_REFUSED = ("rejections.list.element.stage", "rejections.list.element.reason")


@dataclass(frozen=True, kw_only=True)
class ElementView:
    """One process of a phase, an element of its array under Slurm."""

    name: str
    """Slurm's number, else host and process."""
    state: str
    """As :class:`~tsdg.accounting.WorkerStatus` has it, or ``silent``: it ended without a word."""
    tokens_per_s: float
    rows_per_s: float
    """Of the whole phase, as this process sees them."""
    in_flight: int
    in_flight_limit: int
    idle: float | None
    """Share of its GPUs' time without a request; of its servers' where they have no GPU; None where
    nobody knows."""
    requests: int
    lost: int
    """Requests that failed for good."""
    silent_s: float
    """Seconds since it wrote last."""


@dataclass(frozen=True, kw_only=True)
class PhaseView:
    """A phase at one moment."""

    progress: PhaseProgress
    asked: int
    """Rows of what its last step makes that were looked at, accepted or rejected."""
    accepted: int
    whole: bool
    """Whether all committed parts were counted."""
    refused: Mapping[str, int]
    """Rejections of all its steps in the counted parts, by reason."""
    idle: float | None
    elements: Sequence[ElementView]
    """Those at work first."""


@dataclass(frozen=True, kw_only=True)
class Newest:
    """The last accepted row of the part that was committed last."""

    task: str
    context: str
    question: str
    options: Sequence[str]
    answer: str
    reasoning: str
    """Empty for a question that has no answer yet."""


@dataclass(frozen=True, kw_only=True)
class Watched:
    """A run at one moment."""

    status: RunStatus
    phases: Sequence[PhaseView]
    newest: Newest | None


@dataclass
class _Counts:
    accepted: Counter[str] = field(default_factory=Counter)
    """By step."""
    refused: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By step and reason."""


class Watcher:
    """Looks at one run again and again."""

    def __init__(self, run: Path) -> None:
        """Begin.

        Raises:
            UsageError: it is no run directory.
        """
        self._state = RunState.of(run)
        self._counted: dict[Path, _Counts] = {}
        self._newest: Newest | None = None
        self._read: set[Path] = set()
        """Parts that were looked into for the newest row, or are older than one that has it."""

    def look(self) -> Watched:
        """What the run does now.

        Raises:
            VerificationError: a file of it is damaged.
            StorageError: it cannot be read.
        """
        status = read_status(self._state.directory, whole=False)
        phases = [
            self._phase(steps, progress)
            for steps, progress in zip(self._state.phases, status.phases, strict=True)
        ]
        return Watched(status=status, phases=phases, newest=self._read_newest())

    def _phase(self, steps: Steps, progress: PhaseProgress) -> PhaseView:
        folder = self._state.folder(steps)
        units = sorted(committed_units(folder / PARTS))
        chosen = units[:: max(1, -(-len(units) // _PARTS_READ))]
        total = _Counts()
        for unit in chosen:
            counts = self._counts(part_path(folder / PARTS, unit), steps)
            total.accepted.update(counts.accepted)
            total.refused.update(counts.refused)
        last = steps[-1]
        refused: Counter[str] = Counter()
        for (_, reason), count in total.refused.items():
            refused[reason] += count
        lost = sum(count for (step, _), count in total.refused.items() if step == last)
        workers, _ = read_all_workers(folder)
        at = now()
        return PhaseView(
            progress=progress,
            asked=total.accepted[last] + lost,
            accepted=total.accepted[last],
            whole=len(chosen) == len(units),
            refused=dict(refused.most_common()),
            idle=_idle(workers),
            elements=sorted(
                (_element(worker, at) for worker in workers),
                key=lambda one: (one.state != "running", one.silent_s, one.name),
            ),
        )

    def _counts(self, part: Path, steps: Steps) -> _Counts:
        """What is in a part; nothing of one that is gone or damaged: other commands say so."""
        if part not in self._counted:
            try:
                self._counted[part] = _count(part, steps)
            except (OSError, pa.ArrowException):
                return _Counts()
        return self._counted[part]

    def _read_newest(self) -> Newest | None:
        """An accepted row of the part that was committed last, of the last phase that has any."""
        for steps in reversed(self._state.phases):
            parts = self._state.folder(steps) / PARTS
            dated = []
            for path in {part_path(parts, unit) for unit in committed_units(parts)} - self._read:
                with contextlib.suppress(FileNotFoundError):  # made anew just now
                    dated.append((path.stat().st_mtime, path))
            for _, path in sorted(dated, reverse=True)[:_NEWEST_READ]:
                if found := _newest_of(path, self._state.directory):
                    self._newest = found
                    break
            self._read |= {path for _, path in dated}
            if self._newest is not None and dated:
                break
        return self._newest


def _count(part: Path, steps: Steps) -> _Counts:
    out = _Counts()
    with pq.ParquetFile(part) as file:
        table = file.read(columns=[*(_COUNTED[step] for step in steps), *_REFUSED])
    for step in steps:
        out.accepted[step] += sum(map(len, table[_COUNTED[step].split(".")[0]].to_pylist()))
    for rows in table["rejections"].to_pylist():
        out.refused.update((row["stage"], row["reason"]) for row in rows)
    return out


def _newest_of(part: Path, run: Path) -> Newest | None:
    try:
        with pq.ParquetFile(part) as file:
            rows = file.read(columns=["questions", "solutions"]).to_pylist()
        for row in reversed(rows):
            if row["solutions"]:
                return _solved(row["solutions"][-1], row["questions"], run)
            if row["questions"]:
                return _asked(row["questions"][-1])
    except (OSError, pa.ArrowException, KeyError):
        pass
    return None


def _solved(
    solution: Mapping[str, Any], questions: Sequence[Mapping[str, Any]], run: Path
) -> Newest | None:
    wanted = solution["question_id"]
    found = [one for one in questions if one["question_id"] == wanted]
    if not found and (run / QUESTIONS).exists():
        import pyarrow.dataset as ds  # takes a third of a second, as it imports pandas

        data = ds.dataset(run / QUESTIONS, format="parquet")
        found = data.to_table(filter=ds.field("question_id") == wanted).to_pylist()
    if not found:
        return None
    return _asked(found[0], answer=solution["answer"], reasoning=solution["reasoning"])


def _asked(question: Mapping[str, Any], *, answer: str = "", reasoning: str = "") -> Newest:
    return Newest(
        task=question["task"],
        context=question["context"] or "",
        question=question["question"],
        options=question["options"],
        answer=answer or question["claimed_answer"] or "",
        reasoning=reasoning,
    )


def _element(worker: WorkerStatus, at: float) -> ElementView:
    owner = worker.owner
    alive = is_alive(worker, now=at)
    return ElementView(
        name=slurm_key(worker) or f"{owner.host}:{owner.pid}",
        state="silent" if worker.state == "running" and not alive else worker.state,
        tokens_per_s=round(per_second(worker, 1, at), 1) if alive else 0.0,
        rows_per_s=round(per_second(worker, 3, at), 3) if alive else 0.0,
        in_flight=worker.in_flight if alive else 0,
        in_flight_limit=worker.in_flight_limit,
        idle=_idle([worker]),
        requests=worker.requests_done,
        lost=sum(worker.failures.values()),
        silent_s=max(0.0, at - worker.updated),
    )


def _idle(workers: Sequence[WorkerStatus]) -> float | None:
    """Share of the GPUs' time without a request; of the servers' where there is no GPU."""
    held = sum(worker.gpu_seconds for worker in workers)
    if held:
        return sum(worker.idle_gpu_seconds for worker in workers) / held
    servers = [replica for worker in workers for replica in worker.replicas]
    ready = sum(replica.held_s for replica in servers)
    return 1 - sum(replica.busy_s for replica in servers) / ready if ready else None
