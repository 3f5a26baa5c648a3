"""Finds and reads the result files of an evaluation: lm-eval's, NeMo-Skills', NeMo Evaluator's."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from tsdg.config.comparison import CompareConfig
from tsdg.errors import UsageError
from tsdg.mixture.lm_eval_results import read_lm_eval
from tsdg.mixture.nemo_results import read_nemo_evaluator, read_nemo_skills
from tsdg.mixture.scores import EvaluationResult, Score

_NAMES = ("results*.yml", "metrics.json", "results*.json")
"""What files are called; of one task, a file of a later kind counts, as it says more."""
_FORMS = (
    "lm-eval's results_*.json {'results': {TASK: ...}}, NeMo-Skills' metrics.json "
    "{BENCHMARK: {MODE: {'num_entries': ...}}}, NeMo Evaluator's results.yml {'results': {'tasks': "
    "...}}"
)


def read_evaluation(path: Path, config: CompareConfig) -> EvaluationResult:
    """Read a result file, or all below a folder; a task's newest file by name counts.

    Raises:
        UsageError: there is no such file, it is of no known form, no task has one of the metrics,
            or the files are of several models.
    """
    read = [(file, _read(file, config)) for file in _files(path)]
    scores: dict[str, Score] = {}
    parts: dict[str, frozenset[str]] = {}
    for _, evaluation in read:
        scores |= evaluation.scores
        parts |= evaluation.parts
    if not scores:
        raise UsageError(
            f"tsdg compare: no task in {path} has one of the metrics {', '.join(config.metrics)}; "
            "see metrics="
        )
    return EvaluationResult(model=_one_model(path, read), scores=scores, parts=parts)


def _files(path: Path) -> list[Path]:
    """A result file, or all below a folder: by kind, and of one kind by name."""
    if not path.is_dir():
        return [path]
    files = [
        file
        for name in _NAMES
        for file in sorted(path.rglob(name), key=lambda file: (file.name, str(file)))
    ]
    if not files:
        raise UsageError(
            f"tsdg compare: {path} holds no results*.json, metrics.json or results.yml; give a "
            f"file or folder of {_FORMS}"
        )
    return files


def _one_model(path: Path, read: Sequence[tuple[Path, EvaluationResult]]) -> str:
    models: dict[str, Path] = {}
    for file, evaluation in read:
        if evaluation.model and evaluation.scores:
            models.setdefault(evaluation.model, file)
    if len(models) > 1:
        (first, one), (second, other) = list(models.items())[:2]
        raise UsageError(
            f"tsdg compare: {path} has results of {len(models)} models: {first} in {one} and "
            f"{second} in {other}; name the file or folder of one"
        )
    return next(iter(models), "")


def _read(file: Path, config: CompareConfig) -> EvaluationResult:
    data = _load(file)
    try:
        if isinstance(data, dict) and "results" not in data:
            return read_nemo_skills(file, data, config)
        results = data["results"]
        if {"tasks", "groups"} & set(results) and _has_metrics(results):
            return read_nemo_evaluator(data, config)
        if all(isinstance(values, dict) for values in results.values()):
            return read_lm_eval(file, data, config)
    except (KeyError, TypeError, AttributeError, ValueError):
        pass
    raise _no_result(file)


def _has_metrics(results: dict[str, Any]) -> bool:
    """Whether entries hold metrics, as NeMo Evaluator's do: lm-eval may have a task ``groups``."""
    entries = [
        entry
        for key in ("tasks", "groups")
        for entry in (results.get(key) or {}).values()
        if isinstance(entry, dict)
    ]
    return any("metrics" in entry for entry in entries)


def _load(file: Path) -> Any:
    try:
        raw = file.read_bytes()
        if file.suffix in {".yml", ".yaml"}:
            return yaml.load(raw, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        return json.loads(raw)
    except OSError as error:
        raise UsageError(f"tsdg compare: {file} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        raise _no_result(file) from error


def _no_result(file: Path) -> UsageError:
    return UsageError(f"tsdg compare: {file} is not a result file that it knows; allowed: {_FORMS}")
