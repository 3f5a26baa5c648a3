"""Outcomes of an earlier time that stay as they are while lost rows are asked for again.

``tsdg retry`` moves the parts of a phase to ``kept/<number>/``, with ``lost.json``: input row → ids
of what to ask for again, or null where nothing is kept of the row. The phase then makes new parts.
A row without losses is taken over without a request. Of a row with losses the lost questions are
asked for again, and everything else stays.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import threading
from collections.abc import Collection, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tsdg.errors import VerificationError
from tsdg.layout import KEPT
from tsdg.pipeline.faults import stored
from tsdg.protocols import Ask, Process
from tsdg.records import Outcome
from tsdg.rowform import from_row
from tsdg.storage import list_names, storage

LOST = "lost.json"
_PARTS_HELD = 4


def generations(phase: Path) -> list[Path]:
    """The folders of kept parts of a phase, the oldest first."""
    return [phase / KEPT / str(n) for n in sorted(map(int, list_names(phase / KEPT)))]


def merged(old: Outcome, new: Outcome, lost: Collection[str]) -> Outcome:
    """An outcome whose lost questions are those of a new one. Pure.

    Args:
        old: of the same input row.
        new: what it came to when it was asked again.
        lost: ids of the questions, or the seed of the study, that no server answered.
    """

    def pick(name: str, key: str) -> tuple[Any, ...]:
        kept = [item for item in getattr(old, name) if getattr(item, key) not in lost]
        return (*kept, *(item for item in getattr(new, name) if getattr(item, key) in lost))

    order = {question.question_id: place for place, question in enumerate(new.questions)}
    questions = pick("questions", "question_id")
    return Outcome(
        input_id=old.input_id,
        studies=pick("studies", "seed_id"),
        questions=tuple(sorted(questions, key=lambda item: order.get(item.question_id, -1))),
        samples=pick("samples", "question_id"),
        solutions=pick("solutions", "question_id"),
        rejections=pick("rejections", "row_id"),
        usage=(*old.usage, *new.usage),
        saved_samples=old.saved_samples,
    )


class Kept:
    """The kept outcomes of a phase by their input row; the newest of each counts."""

    def __init__(self, phase: Path) -> None:
        """Read which rows there are; the rows themselves are read when they are asked for.

        Raises:
            VerificationError: a file is damaged.
        """
        self._places: dict[str, tuple[Path, int]] = {}
        self._lost: dict[str, frozenset[str]] = {}
        self._lock = threading.Lock()
        self._part = lru_cache(maxsize=_PARTS_HELD)(_read)
        for folder in generations(phase):
            try:
                told = json.loads((folder / LOST).read_bytes())
                for path in sorted(folder.glob("*.parquet")):
                    names = pq.read_table(path, columns=["input_id"])["input_id"].to_pylist()
                    for place, name in enumerate(names):
                        self._places.pop(name, None)
                        if (ids := told.get(name, ())) is not None:
                            self._places[name] = (path, place)
                            self._lost[name] = frozenset(ids)
            except (OSError, ValueError, pa.ArrowException) as error:
                raise VerificationError(
                    f"{folder} is damaged: {error}; delete {phase / KEPT} to make all its rows anew"
                ) from error

    def __bool__(self) -> bool:
        return bool(self._places)

    def find(self, input_id: str) -> tuple[Outcome, frozenset[str]] | None:
        """The outcome of a row and the ids of its lost questions; None where none is kept."""
        if input_id not in self._places:
            return None
        path, place = self._places[input_id]
        with self._lock:
            row = self._part(path).slice(place, 1).to_pylist()[0]
        return from_row(Outcome, row), self._lost[input_id]


def _read(path: Path) -> pa.Table:
    with storage("read", path):
        return pq.read_table(path)


def keeping(process: Process, phase: Path, id_column: str) -> Process:
    """A process that takes over what is kept of a phase, and asks only for the rest.

    Args:
        process: the steps.
        phase: its folder.
        id_column: of the input rows.
    """
    kept = Kept(phase)
    if not kept:
        return process

    async def take_over(row: Mapping[str, Any], ask: Ask) -> Mapping[str, Any]:
        found = await asyncio.to_thread(kept.find, row[id_column])
        if found is None:
            return await process(row, ask)
        old, lost = found
        if not lost:
            return stored(old)
        return stored(merged(old, from_row(Outcome, await process(row, ask)), lost))

    return take_over


def forget(phase: Path) -> None:
    """Remove what was kept, once the new parts are all there.

    Raises:
        StorageError: it cannot be removed.
    """
    with storage("remove", phase / KEPT):
        if (phase / KEPT).is_dir():
            shutil.rmtree(phase / KEPT)
