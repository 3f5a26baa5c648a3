"""lm-eval's result files.

A file is ``results_<date>.json`` of ``lm_eval --output_path``::

    {"results": {"gsm8k": {"exact_match,strict-match": 0.61,
                           "exact_match_stderr,strict-match": 0.013}},
     "group_subtasks": {"mmlu": ["mmlu_stem", ...]},
     "higher_is_better": {"gsm8k": {"exact_match": true}}, ...}

A standard error of ``"N/A"`` means that lm-eval gave none.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

from tsdg.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """One task's result."""

    metric: str
    """With its filter, e.g. ``exact_match,strict-match``."""
    value: float
    """In points of 100."""
    stderr: float | None
    """None where lm-eval gave none."""
    higher_is_better: bool


def _files(path: Path) -> list[Path]:
    """A result file, or all below a folder, by name."""
    if not path.is_dir():
        return [path]
    files = sorted(path.rglob("results*.json"), key=lambda file: file.name)
    if not files:
        raise UsageError(
            f"tsdg compare: {path} holds no results*.json; give a file or folder of lm_eval "
            "--output_path"
        )
    return files


def read_results(path: Path, metrics: Sequence[str], points: Sequence[str]) -> dict[str, Score]:
    """Read a result file, or all below a folder; a task's newest file by name counts.

    Tasks that are parts of a group with a score of its own are left out: they would count twice.

    Args:
        path: of a file or folder.
        metrics: names; of a task's metrics the first of these counts.
        points: those of them that are in points of 100 already.

    Raises:
        UsageError: there is no such file, or it is none of lm-eval's.
    """
    scores: dict[str, Score] = {}
    parts: set[str] = set()
    for file in _files(path):
        data = _load(file)
        for task, values in data["results"].items():
            better = data.get("higher_is_better", {}).get(task, {})
            score = _score(values, metrics, points, better if isinstance(better, dict) else {})
            if score is not None:
                scores[task] = score
        parts |= _parts(data.get("group_subtasks") or {}, scores)
    if not scores:
        raise UsageError(
            f"tsdg compare: no task in {path} has one of the metrics {', '.join(metrics)}; see "
            "metrics="
        )
    return {task: score for task, score in scores.items() if task not in parts}


def _load(file: Path) -> dict[str, Any]:
    try:
        data: dict[str, Any] = json.loads(file.read_bytes())
        if all(isinstance(values, dict) for values in data["results"].values()):
            return data
    except OSError as error:
        raise UsageError(f"tsdg compare: {file} cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError):
        pass
    raise UsageError(
        f"tsdg compare: {file} is not a result file of lm-eval, which has "
        "{'results': {TASK: ...}}"
    )


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _score(
    values: Mapping[str, Any],
    metrics: Sequence[str],
    points: Sequence[str],
    better: Mapping[str, Any],
) -> Score | None:
    for metric in metrics:
        for key in sorted(values):
            value = values[key]
            if key.partition(",")[0] != metric or not _is_number(value):
                continue
            scale = 1.0 if metric in points else 100.0
            name, comma, chosen = key.partition(",")
            error = values.get(f"{name}_stderr{comma}{chosen}")
            given = float(error) if _is_number(error) else None
            return Score(
                metric=key,
                value=scale * value,
                stderr=None if given is None else scale * given,
                higher_is_better=better.get(metric) is not False,
            )
    return None


def _parts(groups: Mapping[str, Any], scores: Mapping[str, Score]) -> set[str]:
    """All tasks below a group that has a score."""
    found: set[str] = set()

    def walk(names: Iterable[str]) -> None:
        for name in names:
            if name not in found:
                found.add(name)
                walk(groups.get(name) or ())

    for group, members in groups.items():
        if group in scores:
            walk(members or ())
    return found
