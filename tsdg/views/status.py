"""``tsdg status``: what a run does, from its directory, ``squeue`` and ``sacct`` together.

Files say what is done, Slurm says what is going on; where Slurm forgets, lags behind or is not
there at all, the files of the worker processes say the rest. A run that was started on this machine
is told by its lock and its workers alone.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, cast

import yaml

from tsdg.accounting import WorkerStatus, spent
from tsdg.config.recipe import StepName
from tsdg.config.stages import Stage, stages
from tsdg.engine.control import is_owned
from tsdg.errors import UsageError, VerificationError
from tsdg.launch.job_plan import CANARY
from tsdg.layout import MANIFEST, SEED_COUNTS, steps_of
from tsdg.package.finish import finished_manifest
from tsdg.pipeline.left import stage_done
from tsdg.slurm.job_logs import best, last_lines, logs_of
from tsdg.slurm.jobs import JOBS, JobRecord, RunJobs, read_jobs
from tsdg.slurm.queue import Element, tally, why_pending
from tsdg.slurm.slurm_shell import Shell
from tsdg.slurm.watch import Answer, ask
from tsdg.views.progress import (
    PhaseProgress,
    is_alive,
    now,
    phase_progress,
    read_all_workers,
    slurm_key,
    tasks_of,
)

RunState = Literal["pending", "running", "stopped", "failed", "complete"]
Phases = tuple[tuple[StepName, ...], ...]

_TAIL_LINES = 4
_FAILURES_TOLD = 20
"""Failed elements whose log is looked at: the first tell what the others would."""


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
    """Path of the log that tells most; empty where there is none."""
    tail: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Status:
    """What `tsdg status` tells."""

    run: str
    state: RunState
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


def read_phases(run: Path) -> Phases:
    """The phases of a run, from its snapshot, whatever version of tsdg wrote it.

    Raises:
        UsageError: it is no run directory.
        VerificationError: the snapshot is damaged.
    """
    path = run / "snapshot" / "recipe.yaml"
    try:
        values = yaml.load(path.read_text(), Loader=yaml.CSafeLoader)
        return tuple(
            tuple(cast("StepName", str(step)) for step in steps) for steps in values["phases"]
        )
    except FileNotFoundError as error:
        raise UsageError(
            f"{run} is no run directory: it has no snapshot/recipe.yaml; see `tsdg list`"
        ) from error
    except (OSError, ValueError, KeyError, TypeError, yaml.YAMLError) as error:
        why = (
            " ".join(str(error).split())[:120]
            if isinstance(error, OSError | yaml.YAMLError)
            else "it is no recipe"
        )
        raise VerificationError(f"{path} cannot be read ({why}); restore it") from error


def read_status(run: Path, *, answer: Answer | None = None, whole: bool = True) -> Status:
    """Find out what a run does.

    Args:
        run: the run directory.
        answer: what Slurm says of its jobs; None to ask it.
        whole: whether to look at logs and at what is accepted per task, too.

    Raises:
        UsageError: it is no run directory.
        VerificationError: a file of it is damaged.
        StorageError: it cannot be read.
    """
    phases = read_phases(run)
    record = read_jobs(run) if (run / JOBS).is_file() else None
    jobs = record.launches[-1].jobs if record else ()
    asked = answer if answer is not None else ask(_shell(run, record), jobs)
    at, notes = now(), list(asked.notes)
    workers: dict[str, tuple[WorkerStatus, ...]] = {}
    in_phases = [stage for stage in stages(phases) if stage.kind == "phase"]
    for stage in in_phases:
        workers[stage.name], unread = read_all_workers(run / stage.name)
        notes += unread
    manifest = finished_manifest(run, steps_of(phases))
    done = frozenset(
        stage.name
        for stage in stages(phases)
        if (manifest is not None if stage.kind == "package" else stage_done(run, stage))
    )
    settled = done | {CANARY} if (run / CANARY / MANIFEST).is_file() else done
    elements = {
        job.name: _elements(job, asked, workers.get(job.stage, ()), settled, at) for job in jobs
    }
    # A process that was killed, or had no room on the disk for its last word, still says that it
    # runs.
    over = frozenset(
        element.key
        for each in elements.values()
        for element in each
        if element.state in {"done", "failed", "stopped"}
    )
    progress = [
        phase_progress(run, stage.steps, workers[stage.name], now=at, over=over)
        for stage in in_phases
    ]
    alive = {
        name
        for name, each in workers.items()
        if any(is_alive(worker, now=at, over=over) for worker in each)
    }
    owned = is_owned(run)
    failed_here = tuple(
        worker for each in workers.values() for worker in each[-1:] if worker.state == "failed"
    )
    state = run_state(
        complete=manifest is not None,
        elements=[element for each in elements.values() for element in each],
        working=owned or bool(alive),
        failed=bool(failed_here) and not jobs,
    )
    failures = _failures(run, jobs, elements, failed_here) if state != "complete" and whole else ()
    return Status(
        run=str(run),
        state=state,
        why=_why(state, run, launched=bool(jobs), failures=failures),
        stages=[
            {"name": stage.name, "state": _stage_state(stage, done, jobs, elements, alive)}
            for stage in stages(phases)
        ],
        phases=progress,
        tasks=tasks_of(run, phases, manifest, _seeds(run)) if whole else {},
        totals=_totals([worker for each in workers.values() for worker in each], manifest),
        jobs=[_job_status(job, elements[job.name]) for job in jobs],
        failures=failures,
        notes=notes,
    )


def _shell(run: Path, record: RunJobs | None) -> Shell:
    """On the cluster itself Slurm is asked directly, however the run was launched."""
    away = record is not None and record.ssh is not None and str(run.absolute()) != record.run
    return Shell(ssh=record.ssh if record and away else None)


def run_state(
    *, complete: bool, elements: Iterable[Element], working: bool, failed: bool
) -> RunState:
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


def _stage_state(
    stage: Stage,
    done: frozenset[str],
    jobs: Sequence[JobRecord],
    elements: Mapping[str, Sequence[Element]],
    alive: set[str],
) -> str:
    if stage.name in done:
        return "done"
    mine = Counter(
        element.state for job in jobs if job.stage == stage.name for element in elements[job.name]
    )
    if stage.name in alive or mine["running"]:
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


def _failures(
    run: Path,
    jobs: Sequence[JobRecord],
    elements: Mapping[str, Sequence[Element]],
    workers: Sequence[WorkerStatus],
) -> tuple[Failure, ...]:
    """What failed, with the last lines of its log, for the first of them."""
    failed = [
        (job, element)
        for job in jobs
        for element in elements[job.name]
        if element.state == "failed"
    ]
    out = []
    for job, element in failed[:_FAILURES_TOLD]:
        log = best(logs_of(run, job, element.key))
        code = f", exit code {element.exit_code.partition(':')[0]}" if element.exit_code else ""
        where = f" on {element.nodes}" if element.nodes else ""
        out.append(
            Failure(
                job=job.name,
                stage=job.stage,
                element=element.key,
                what=f"{element.slurm_state or 'failed'}{code}{where}",
                log=str(log.path) if log else "",
                tail=last_lines(log.path, _TAIL_LINES) if log else (),
            )
        )
    if not jobs:
        out += [
            Failure(job="", stage="", element="", what=worker.reason or "failed", log="", tail=())
            for worker in workers
        ]
    return tuple(out)


def _why(state: RunState, run: Path, *, launched: bool, failures: Sequence[Failure]) -> str:
    if state == "failed":
        first = failures[0].what if failures else "see `tsdg logs`"
        return (
            f"{first}; `tsdg logs {run}` lists the logs, "
            f"`tsdg resume {run}` goes on with what is left"
        )
    if state == "stopped":
        left = "no job is left" if launched else "no process works on it"
        return f"{left} and it is not complete; `tsdg resume {run}` goes on"
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
            f"{run}`): it is made anew"
        ) from error


def _totals(workers: Sequence[WorkerStatus], manifest: Mapping[str, Any] | None) -> dict[str, Any]:
    used = spent(workers)
    return {
        "records": manifest["totals"]["records"] if manifest else None,
        "record_tokens": manifest["totals"]["tokens"] if manifest else None,
        "requests": used.requests_done,
        "completion_tokens": used.completion_tokens,
        "prompt_tokens": used.prompt_tokens,
        "gpu_hours": used.gpu_hours,
        "idle_gpu_hours": used.idle_gpu_hours,
        "retries": dict(used.retries),
    }


def status_json(status: Status) -> dict[str, Any]:
    """The same as plain values."""
    return asdict(status)
