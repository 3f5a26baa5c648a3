"""``tsdg retry``: asks again for the rows that a run lost, and touches no other row.

It only prepares that. Parts with losses are moved aside as what is kept
(:mod:`tsdg.pipeline.kept`), and the tables that are made of them are removed. Then the run is one
that has work left, and is continued like any other. The last phase is prepared first and the
losses are known from the parts, so that an interrupted retry is simply called again.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tsdg.engine.commit import read_parts
from tsdg.engine.control import sole_owner
from tsdg.engine.journal import drop_failures
from tsdg.errors import MachineError, UsageError
from tsdg.layout import CONTAMINATION, JOURNAL, KEPT, MANIFEST, PARTS, phase_name
from tsdg.package.losses import TRANSPORT
from tsdg.package.report.page import REPORT
from tsdg.pipeline.kept import LOST, generations
from tsdg.records import Outcome
from tsdg.rowform import from_row
from tsdg.run.state import TABLES, RunState, Steps
from tsdg.run.status import read_status, why_unknown
from tsdg.storage import make_directory, remove, storage, sync_directory, write_whole

_FAILED = "failed"
"""``finish_reason`` of an answer sample whose request failed."""
REASONS = (TRANSPORT, "step_failed")
"""Reasons that say something of servers or of tsdg. Any other would only come again."""


@dataclass(frozen=True, kw_only=True)
class ToAskAgain:
    """What will be asked for again."""

    rows: Mapping[str, int]
    """Phase → its lost questions, or the seeds whose study was lost."""
    units: int
    """Work units that were not done and may hold failures, which are asked for again too."""


def retry(run: Path, reasons: Collection[str]) -> ToAskAgain:
    """Prepare a run so that what it lost is asked for again when it goes on.

    Args:
        run: the run directory, finished or not.
        reasons: of ``REASONS``.

    Raises:
        UsageError: it is no run, or processes are at work on it.
        MachineError: Slurm does not say whether they are.
        RunConflictError: the same.
        StorageError: it cannot be written.
        VerificationError: a part is damaged.
    """
    state = RunState.of(run)
    _refuse_at_work(run)
    with sole_owner(run):
        phases = state.phases
        lost = {steps: _lost(state.folder(steps), reasons) for steps in phases}
        anew = _to_make_anew(lost)
        units = sum(drop_failures(state.folder(steps) / JOURNAL, reasons) for steps in phases)
        first = next((place for place, steps in enumerate(phases) if lost[steps]), len(phases))
        for steps in reversed(phases[first:]):
            _set_aside(state, steps, {**lost[steps], **(anew if "questions" in steps else {})})
    rows = {phase_name(steps): sum(map(len, each.values())) for steps, each in lost.items() if each}
    return ToAskAgain(rows=rows, units=units)


def _refuse_at_work(run: Path) -> None:
    """Refuse a run at which processes may be at work.

    Raises:
        UsageError: they are.
        MachineError: it has jobs, is not complete, and Slurm does not answer.
    """
    at_work = read_status(run, whole=False).state
    if at_work not in ("running", "pending", "complete") and (silent := why_unknown(run)):
        raise MachineError(f"tsdg retry: nobody knows whether jobs of {run} run: {silent}")
    if at_work in ("running", "pending"):
        raise UsageError(
            f"tsdg retry: {run} is {at_work}; wait for its end, or `tsdg cancel {run}` first"
        )


def _lost(phase: Path, reasons: Collection[str]) -> dict[str, list[str]]:
    """Input row → ids of its lost questions, of all committed parts."""
    found = {}
    for part in read_parts(phase):
        for row in part.to_pylist():
            outcome = from_row(Outcome, row)
            if ids := sorted(set(_ids(outcome, reasons))):
                found[outcome.input_id] = ids
    return found


def _ids(outcome: Outcome, reasons: Collection[str]) -> Iterator[str]:
    """Questions rejected for one of these reasons, or with samples that no server answered.

    Of the study, the seed that goes on without one.
    """
    short = _short(outcome) if TRANSPORT in reasons else set()
    for rejection in outcome.rejections:
        if rejection.reason in reasons or rejection.row_id in short:
            yield rejection.row_id
    yield from (study.seed_id for study in outcome.studies if study.flaw in reasons)
    yield from (made.question_id for made in outcome.solutions if made.unenriched in reasons)


def _short(outcome: Outcome) -> set[str]:
    return {s.question_id for s in outcome.samples if s.finish_reason == _FAILED}


def _to_make_anew(lost: Mapping[Steps, Mapping[str, list[str]]]) -> dict[str, None]:
    """Seeds whose questions are all asked for again.

    Where studies are made again, those without one, and those with other losses: what is lost of
    them is not known by its id any more, as the concepts to aim at change.
    """
    studies = lost.get(("study",), {})
    also = {row for steps, rows in lost.items() if "questions" in steps for row in rows}
    return dict.fromkeys({*studies, *also}) if studies else {}


def _set_aside(state: RunState, steps: Steps, lost: Mapping[str, list[str] | None]) -> None:
    """Keep the parts of a phase, and remove what was made of them.

    Args:
        state: of the run.
        steps: the phase.
        lost: input row → ids of what is asked for again; None where nothing is kept of it.
    """
    # In this order: a manifest never vouches for what is gone, nor a table for parts that are.
    run, phase = state.directory, state.folder(steps)
    remove(run / MANIFEST)
    remove(run / REPORT)
    tables = [table for step in steps for table in TABLES[step]]
    for table in (*tables, *((CONTAMINATION,) if "questions" in steps else ())):
        remove(run / table)
    parts = phase / PARTS
    if not parts.is_dir():
        return
    earlier = generations(phase)
    target = phase / KEPT / str(int(earlier[-1].name) + 1 if earlier else 0)
    make_directory(target.parent)
    write_whole(parts / LOST, json.dumps(lost).encode())
    with storage("move", parts):
        parts.rename(target)
    sync_directory(phase)


def reasons_of(text: str) -> tuple[str, ...]:
    """The reasons that ``reason=`` names, separated by commas.

    Raises:
        UsageError: one of them is not of ``REASONS``.
    """
    found = tuple(text.split(",")) if text else (TRANSPORT,)
    for reason in found:
        if reason not in REASONS:
            raise UsageError(
                f"tsdg retry: reason={reason}: allowed: {', '.join(REASONS)}; rows rejected for "
                "another reason would be rejected again"
            )
    return found
