"""``tsdg status``: the state of a run, from its directory, ``squeue`` and ``sacct`` together.

Files say what is done, and Slurm says what is going on. Where Slurm forgets, lags behind or is
missing, the files of the workers say the rest. For a run that was started on this machine, only its
lock and its workers count.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from tsdg.accounting import WorkerStatus, spent
from tsdg.config.stages import Stage
from tsdg.engine.control import is_owned
from tsdg.errors import VerificationError
from tsdg.layout import CANARY, JOBS, MANIFEST, SEED_COUNTS
from tsdg.package.losses import told
from tsdg.package.manifest_form import Manifest
from tsdg.run.phase_progress import (
    PhaseProgress,
    is_alive,
    now,
    phase_progress,
    read_all_workers,
    silent_servers,
    slurm_key,
    tasks_of,
)
from tsdg.run.state import RunState
from tsdg.slurm.job_logs import best, last_lines, logs_of
from tsdg.slurm.jobs import JobRecord, RunJobs, read_jobs
from tsdg.slurm.lookup import with_numbers
from tsdg.slurm.queue import Element, how_it_ended, tally, why_pending
from tsdg.slurm.slurm_shell import Shell
from tsdg.slurm.watch import Answer, ask

StateName = Literal["pending", "running", "stopped", "failed", "complete"]

_ENDED = frozenset({"done", "failed", "stopped"})
_TAIL_LINES = 4
_FAILURES_TOLD = 20
"""How many failed elements' logs are read: the first say what the others would say."""


@dataclass(frozen=True, kw_only=True)
class JobStatus:
    """One job or array of the last launch."""

    name: str
    stage: str
    job_id: str
    elements: Mapping[str, int]
    """How many are pending, running, done, failed, stopped, unknown."""
    why_pending: Mapping[str, int]
    """Elements by reason, in plain words."""
    requeued: int
    """Starts after the first one, of all elements, as far as accounting tells."""


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Something that failed, and where it says why."""

    job: str
    """Name of the job; empty for a process of a run that was not launched."""
    stage: str
    element: str
    """Slurm's number; empty outside Slurm."""
    what: str
    """Slurm's word, exit code and node, or the process's own reason."""
    log: str
    """Path of the log that says most; empty where there is none."""
    tail: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class RunStatus:
    """What `tsdg status` reports."""

    run: str
    state: StateName
    why: str
    """In one line, what the state rests on and what to do next; empty where nothing needs to be
    said."""
    stages: Sequence[Mapping[str, str]]
    """``name`` and ``state``: pending, running, done, failed or stopped."""
    phases: Sequence[PhaseProgress]
    tasks: Mapping[str, Mapping[str, Any]]
    totals: Mapping[str, Any]
    jobs: Sequence[JobStatus]
    failures: Sequence[Failure]
    notes: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class _Facts:
    """What the files of a run and Slurm say at one moment."""

    run: RunState
    now: float
    """Unix seconds."""
    manifest: Manifest | None
    """Of a complete run."""
    done: frozenset[str]
    """Stages."""
    workers: Mapping[str, Sequence[WorkerStatus]]
    """Phase → its processes, oldest first."""
    jobs: Sequence[JobRecord]
    """Of the last launch; none where the run was not launched."""
    elements: Mapping[str, Sequence[Element]]
    """Job → its elements."""
    notes: Sequence[str]

    @property
    def all_elements(self) -> list[Element]:
        """The elements of all jobs."""
        return [element for each in self.elements.values() for element in each]

    @cached_property
    def over(self) -> frozenset[str]:
        """Keys of the elements that have ended.

        A process that was killed, or had no room on the disk for its last word, still says that it
        runs.
        """
        return frozenset(e.key for e in self.all_elements if e.state in _ENDED)

    @cached_property
    def alive(self) -> frozenset[str]:
        """The phases that a process works on."""
        return frozenset(
            name
            for name, each in self.workers.items()
            if any(is_alive(worker, now=self.now, over=self.over) for worker in each)
        )

    @property
    def failed_here(self) -> tuple[WorkerStatus, ...]:
        """The last process of each phase, where it failed."""
        last = [each[-1] for each in self.workers.values() if each]
        return tuple(worker for worker in last if worker.state == "failed")


def read_status(run: Path, *, answer: Answer | None = None, whole: bool = True) -> RunStatus:
    """Find out the state of a run.

    Args:
        run: the run directory.
        answer: what Slurm says of its jobs; None to ask it.
        whole: whether to look at logs and at what is accepted per task, too.

    Raises:
        UsageError: it is not a run directory.
        VerificationError: a file of it is damaged.
        StorageError: it cannot be read.
    """
    facts = _look(RunState.of(run), answer)
    progress = [
        phase_progress(
            facts.run, stage.steps, facts.workers[stage.name], now=facts.now, over=facts.over
        )
        for stage in facts.run.phase_stages
    ]
    state = run_state(
        complete=facts.manifest is not None,
        elements=facts.all_elements,
        working=is_owned(run) or bool(facts.alive),
        failed=bool(facts.failed_here) and not facts.jobs,
    )
    failures = _failures(facts) if state == "failed" or (whole and state != "complete") else ()
    return RunStatus(
        run=str(run),
        state=state,
        why=_why(state, run, launched=bool(facts.jobs), failures=failures),
        stages=[
            {"name": stage.name, "state": _stage_state(stage, facts)} for stage in facts.run.stages
        ],
        phases=progress,
        tasks=tasks_of(facts.run, facts.manifest, _seeds(run)) if whole else {},
        totals=_totals(facts),
        jobs=[_job_status(job, facts.elements[job.name]) for job in facts.jobs],
        failures=failures,
        notes=facts.notes,
    )


def _look(run: RunState, answer: Answer | None) -> _Facts:
    """Read the files, and ask Slurm unless its answer is given."""
    directory = run.directory
    record = read_jobs(directory) if (directory / JOBS).is_file() else None
    shell = _shell(directory, record)
    record, notes = with_numbers(record, shell)
    jobs = record.latest.taken if record else ()
    asked = answer if answer is not None else ask(shell, jobs)
    at, notes = now(), [*notes, *asked.notes]
    workers: dict[str, tuple[WorkerStatus, ...]] = {}
    for stage in run.phase_stages:
        workers[stage.name], unread = read_all_workers(directory / stage.name)
        notes += unread
        notes += silent_servers(stage.name, workers[stage.name], now=at)
        canary, _ = read_all_workers(directory / CANARY / stage.name)
        notes += silent_servers(f"{CANARY}, {stage.name}", canary, now=at)
    manifest = run.manifest()
    if manifest is not None and (lost := told(manifest)):
        notes.append(lost)
    done = frozenset(
        stage.name
        for stage in run.stages
        if (manifest is not None if stage.kind == "package" else run.done(stage))
    )
    settled = done | {CANARY} if (directory / CANARY / MANIFEST).is_file() else done
    return _Facts(
        run=run,
        now=at,
        manifest=manifest,
        done=done,
        workers=workers,
        jobs=jobs,
        elements={
            job.name: _elements(job, asked, workers.get(job.stage, ()), settled, at) for job in jobs
        },
        notes=notes,
    )


def why_unknown(run: Path) -> str:
    """Why Slurm does not say whether jobs of a run are at work; empty where it says so."""
    record = read_jobs(run) if (run / JOBS).is_file() else None
    answer = ask(_shell(run, record), record.jobs if record else ())
    return "" if answer.queue is not None else answer.notes[0]


def _shell(run: Path, record: RunJobs | None) -> Shell:
    """On the cluster itself Slurm is asked directly, however the run was launched."""
    away = record is not None and record.ssh is not None and str(run.absolute()) != record.run
    return Shell(ssh=record.ssh if record and away else None)


def run_state(
    *, complete: bool, elements: Iterable[Element], working: bool, failed: bool
) -> StateName:
    """The state of a run as a whole. Pure.

    Args:
        complete: whether its manifest is there.
        elements: of all jobs of its last launch; none where it was not launched.
        working: whether a process is at work in its directory.
        failed: whether the last process at work on it failed.
    """
    counts = tally(elements)
    if complete:
        return "complete"
    if working or counts.get("running"):
        return "running"
    if counts.get("pending"):
        return "pending"
    return "failed" if failed or counts.get("failed") else "stopped"


def _elements(
    job: JobRecord, answer: Answer, workers: Sequence[WorkerStatus], done: frozenset[str], at: float
) -> tuple[Element, ...]:
    """The elements of a job, and what its own files say where Slurm does not know."""
    found = answer.elements(job)
    if all(element.state != "unknown" for element in found):
        return found
    if job.stage in done:
        return tuple(replace(e, state="done") if e.state == "unknown" else e for e in found)
    latest = {slurm_key(worker): worker for worker in workers}  # oldest first
    return tuple(
        _from_worker(element, latest[element.key], at)
        if element.state == "unknown" and element.key in latest
        else element
        for element in found
    )


def _from_worker(element: Element, worker: WorkerStatus, at: float) -> Element:
    if worker.state == "running":
        # Only where Slurm says nothing at all may a process that writes be believed.
        return replace(element, state="running") if is_alive(worker, now=at) else element
    if worker.state == "complete":
        return replace(element, state="done")
    return replace(element, state="failed" if worker.state == "failed" else "stopped")


def _stage_state(stage: Stage, facts: _Facts) -> str:
    if stage.name in facts.done:
        return "done"
    mine = Counter(
        element.state
        for job in facts.jobs
        if job.stage == stage.name
        for element in facts.elements[job.name]
    )
    if stage.name in facts.alive or mine["running"]:
        return "running"
    for state in ("pending", "failed", "stopped"):
        if mine[state]:
            return state
    return "stopped" if mine else "pending"


def _job_status(job: JobRecord, elements: Sequence[Element]) -> JobStatus:
    reasons = Counter(
        why_pending(job, element.reason) for element in elements if element.state == "pending"
    )
    return JobStatus(
        name=job.name,
        stage=job.stage,
        job_id=job.job_id,
        elements={str(state): count for state, count in tally(elements).items()},
        why_pending=dict(reasons.most_common()),
        requeued=sum(max(0, element.starts - 1) for element in elements),
    )


def _failures(facts: _Facts) -> tuple[Failure, ...]:
    """What failed, with the last lines of its log, for the first of them."""
    failed = [
        (job, element)
        for job in facts.jobs
        for element in facts.elements[job.name]
        if element.state == "failed"
    ]
    if not facts.jobs:
        return tuple(
            Failure(job="", stage="", element="", what=worker.reason or "failed", log="", tail=())
            for worker in facts.failed_here
        )
    return tuple(
        _failure(facts.run.directory, job, element) for job, element in failed[:_FAILURES_TOLD]
    )


def _failure(run: Path, job: JobRecord, element: Element) -> Failure:
    log = best(logs_of(run, job, element.key))
    code = how_it_ended(element.exit_code)
    where = f" on {element.nodes}" if element.nodes else ""
    return Failure(
        job=job.name,
        stage=job.stage,
        element=element.key,
        what=f"{element.slurm_state or 'failed'}{code}{where}",
        log=str(log.path) if log else "",
        tail=last_lines(log.path, _TAIL_LINES) if log else (),
    )


def _why(state: StateName, run: Path, *, launched: bool, failures: Sequence[Failure]) -> str:
    if state == "failed":
        first = failures[0].what if failures else "something failed"
        return (
            f"{first}; `tsdg logs {run}` lists the logs, "
            f"`tsdg resume {run}` continues with what is left"
        )
    if state == "stopped":
        left = "no job is left" if launched else "no process works on it"
        return f"{left} and it is not complete; `tsdg resume {run}` continues it"
    return ""


def _seeds(run: Path) -> Mapping[str, Mapping[str, int]]:
    try:
        counts = json.loads((run / SEED_COUNTS).read_bytes())
        return {task: {"sampled": int(count["sampled"])} for task, count in counts.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise VerificationError(
            f"{run / SEED_COUNTS} is damaged; delete it and start the run again (`tsdg resume "
            f"{run}`): it is made again"
        ) from error


def _totals(facts: _Facts) -> dict[str, Any]:
    used = spent([worker for each in facts.workers.values() for worker in each])
    totals = facts.manifest["totals"] if facts.manifest else None
    return {
        "records": totals["records"] if totals else None,
        "record_tokens": totals["tokens"] if totals else None,
        "requests": used.requests_done,
        "completion_tokens": used.completion_tokens,
        "prompt_tokens": used.prompt_tokens,
        "gpu_hours": used.gpu_hours,
        "idle_gpu_hours": used.idle_gpu_hours,
        "retries": dict(used.retries),
    }


def status_json(status: RunStatus) -> dict[str, Any]:
    """The same as plain values."""
    return asdict(status)
