"""What Slurm says of a run's jobs, read from ``squeue`` and ``sacct``. Pure.

The two know different things. ``squeue`` shows the present, and forgets a job some minutes after
its end. ``sacct`` keeps it for ever, but is seconds late, and silent where there is no accounting
or its daemon is down. So ``squeue`` is believed for every job that it lists. A job that it no
longer lists has ended, and ``sacct`` says how, sooner or later. Their text is read, because their
JSON differs from release to release.
"""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from tsdg.slurm.jobs import JobRecord

State = Literal["pending", "running", "done", "failed", "stopped", "unknown"]
"""State of one job or element. ``stopped``: cancelled, preempted or told to end; ``unknown``:
ended, and nobody says how."""

SQUEUE_FORMAT = "%F|%K|%T|%N|%r|%j"
SACCT_FORMAT = "JobID,State,ExitCode,Start,NodeList,JobName"

_PENDING = frozenset(
    {"PENDING", "REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD", "SPECIAL_EXIT", "RESV_DEL_HOLD"}
)
_RUNNING = frozenset(
    {
        "RUNNING",
        "COMPLETING",
        "CONFIGURING",
        "SUSPENDED",
        "STOPPED",
        "SIGNALING",
        "STAGE_OUT",
        "RESIZING",
    }
)
_STOPPED = frozenset({"CANCELLED", "PREEMPTED", "REVOKED"})
_FAILED = frozenset({"FAILED", "TIMEOUT", "NODE_FAIL", "BOOT_FAIL", "OUT_OF_MEMORY", "DEADLINE"})
_INTERRUPTED = "130:0"
"""Exit code of a process that was asked to stop, as Slurm writes it."""
_NO_ELEMENT = "N/A"
_NEVER = "DependencyNeverSatisfied"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What ``squeue`` or ``sacct`` says about one job or element."""

    slurm_state: str
    """A word such as ``RUNNING``."""
    reason: str
    """Why it is pending, in Slurm's word; of ``squeue`` only."""
    exit_code: str
    """``code:signal``; of ``sacct`` only."""
    nodes: str
    starts: int
    """How often it was started, as far as known; of ``sacct`` only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Element:
    """One job, or one element of an array."""

    key: str
    """``4711``, or ``4711_3`` for an element."""
    state: State
    slurm_state: str
    """Slurm's own word; empty where it says nothing."""
    reason: str
    """Why it is pending, in Slurm's word; empty otherwise."""
    exit_code: str
    nodes: str
    starts: int


def elements_of(job: JobRecord) -> tuple[str, ...]:
    """The keys of a job: its number, or those of all its elements."""
    if job.array is None:
        return (job.job_id,)
    return tuple(f"{job.job_id}_{number}" for number in range(job.array.size))


def parse_squeue(text: str, names: Mapping[str, str]) -> dict[str, Line]:
    """Read what ``squeue --array --noheader --states=all --format=SQUEUE_FORMAT`` printed.

    Args:
        text: its output.
        names: Slurm's job name by job number. A line of another name is of another job, whose
            number was used again.

    Returns:
        Key of the element → what is said of it; ``ID_[...]`` for elements that are not listed one
        by one.
    """
    out = {}
    for line in text.splitlines():
        fields = line.split("|")
        if len(fields) < 6:
            continue
        job, element, state, nodes, reason = (field.strip() for field in fields[:5])
        if names.get(job) != "|".join(fields[5:]).strip():
            continue
        out[_key(job, element)] = Line(
            slurm_state=_word(state), reason=reason, exit_code="", nodes=nodes, starts=0
        )
    return out


def _key(job: str, element: str) -> str:
    if element in {"", _NO_ELEMENT}:
        return job
    return f"{job}_{element}" if element.isdecimal() else f"{job}_[]"


def _word(state: str) -> str:
    """``CANCELLED by 1000`` and ``CANCELLED+`` are ``CANCELLED``."""
    return state.split(maxsplit=1)[0].rstrip("+").upper() if state.strip() else ""


def parse_sacct(text: str, names: Mapping[str, str]) -> dict[str, Line]:
    """Read what ``sacct -XDnP -o SACCT_FORMAT`` printed.

    A job that was requeued has a line for each start: the last one counts. Elements that have not
    started stand in one line, ``ID_[3-9%2]``, here under ``ID_[]``.

    Args:
        text: its output.
        names: as for :func:`parse_squeue`.
    """
    found: dict[str, list[tuple[str, Line]]] = {}
    for text_line in text.splitlines():
        fields = text_line.split("|")
        if len(fields) < 6:
            continue
        name, state, code, start, nodes = (field.strip() for field in fields[:5])
        job, underscore, element = name.partition("_")
        if names.get(job) != "|".join(fields[5:]).strip():
            continue
        key = _key(job, element if underscore else "")
        line = Line(
            slurm_state=_word(state), reason="", exit_code=code, nodes=_nodes(nodes), starts=0
        )
        found.setdefault(key, []).append((start, line))
    out = {}
    for key, lines in found.items():
        # Times sort as text, and the words for a start that has not been (Unknown, None) come after
        # all of them.
        last = max(enumerate(lines), key=lambda entry: (entry[1][0], entry[0]))[1][1]
        starts = sum(start[:1].isdecimal() for start, _ in lines)
        out[key] = Line(
            slurm_state=last.slurm_state,
            reason="",
            exit_code=last.exit_code,
            nodes=last.nodes,
            starts=starts,
        )
    return out


def _nodes(text: str) -> str:
    return "" if text in {"None assigned", "(null)"} else text


def merge(
    keys: Iterable[str], queue: Mapping[str, Line] | None, accounting: Mapping[str, Line] | None
) -> tuple[Element, ...]:
    """Combine what both say.

    Args:
        keys: of the elements that were submitted.
        queue: what ``squeue`` says; None where it does not answer.
        accounting: what ``sacct`` says; None where it does not answer.

    Returns:
        One element per key, in order.
    """
    return tuple(_merge_one(key, queue, accounting or {}) for key in keys)


def _merge_one(
    key: str, queue: Mapping[str, Line] | None, accounting: Mapping[str, Line]
) -> Element:
    now, past = _find(key, queue or {}), _find(key, accounting)
    if now is not None:
        return _listed(key, now, past)
    if past is None:
        return Element(
            key=key, state="unknown", slurm_state="", reason="", exit_code="", nodes="", starts=0
        )
    state = _state(past.slurm_state, "", past.exit_code)
    if queue is not None and state in {"pending", "running"}:
        state = "unknown"  # squeue would list it: it has ended, and accounting lags behind
    return Element(
        key=key,
        state=state,
        slurm_state=past.slurm_state,
        reason="",
        exit_code=past.exit_code,
        nodes=past.nodes,
        starts=past.starts,
    )


def _listed(key: str, now: Line, past: Line | None) -> Element:
    """An element that squeue lists, with what accounting knows of it."""
    # The exit code of accounting may be that of an earlier start.
    same = past is not None and past.slurm_state == now.slurm_state
    exit_code = past.exit_code if past is not None and same else ""
    state = _state(now.slurm_state, now.reason, exit_code)
    return Element(
        key=key,
        state=state,
        slurm_state=now.slurm_state,
        reason=now.reason if state == "pending" else "",
        exit_code=exit_code,
        nodes=now.nodes,
        starts=past.starts if past is not None else 0,
    )


def _find(key: str, lines: Mapping[str, Line]) -> Line | None:
    if key in lines:
        return lines[key]
    job, underscore, _ = key.partition("_")
    return lines.get(f"{job}_[]") if underscore else None


def _state(word: str, reason: str, exit_code: str) -> State:
    if word in _PENDING:
        return "stopped" if reason == _NEVER else "pending"
    if word in _RUNNING:
        return "running"
    if word == "COMPLETED":
        return "done"
    if word in _STOPPED or (word in _FAILED and exit_code == _INTERRUPTED):
        return "stopped"
    return "failed" if word in _FAILED else "unknown"


def is_over(slurm_state: str) -> bool:
    """Whether a job of this state, in Slurm's word, neither waits nor runs."""
    return _word(slurm_state) not in _PENDING | _RUNNING


def tally(elements: Iterable[Element]) -> dict[State, int]:
    """How many elements are in which state."""
    return dict(Counter(element.state for element in elements))


def why_pending(job: JobRecord, reason: str) -> str:
    """Say in plain words why a job waits.

    Args:
        job: the job.
        reason: Slurm's word.
    """
    if reason == "Dependency":
        names = ", ".join((*job.after_ok, *(f"the end of {name}" for name in job.after_any)))
        return f"waits for {names}" if names else "waits for another job"
    if reason == "JobArrayTaskLimit":
        return "as many elements run as launch.max_running allows"
    if reason == "BeginTime":
        return "was requeued and starts again soon"
    if reason in {"Resources", "Priority", "None", ""}:
        return f"waits for nodes ({reason})" if reason not in {"None", ""} else "waits for nodes"
    return f"Slurm says {reason}"


def how_it_ended(exit_code: str) -> str:
    """Slurm's ``code:signal`` in words, after a comma; empty where there is none."""
    code, _, number = exit_code.partition(":")
    if number.isdecimal() and int(number):
        known = {each.value: each.name for each in signal.Signals}
        return f", ended by signal {number} ({known.get(int(number), 'unknown')})"
    return f", exit code {code}" if code else ""


def names_of(jobs: Sequence[JobRecord]) -> dict[str, str]:
    """Slurm's job name by job number."""
    return {job.job_id: job.slurm_name for job in jobs}
