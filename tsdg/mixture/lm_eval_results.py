"""lm-eval's ``results_<date>.json`` and the ``samples_<task>_<date>.jsonl`` beside it.

::

    {"results": {"gsm8k": {"exact_match,strict-match": 0.61,
                           "exact_match_stderr,strict-match": 0.013}},
     "group_subtasks": {"mmlu": ["mmlu_stem", ...]},
     "higher_is_better": {"gsm8k": {"exact_match": true}}, "n-shot": {"gsm8k": 5},
     "versions": {"gsm8k": 3.0}, "n-samples": {"gsm8k": {"original": 1319, "effective": 1319}},
     "config": {"limit": null, ...}, "model_name": "...", "chat_template": null, ...}

A standard error of ``"N/A"`` means that lm-eval gave none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import orjson

from tsdg.config.comparison import CompareConfig
from tsdg.mixture.scores import (
    Candidate,
    EvaluationResult,
    Score,
    chosen,
    is_number,
    number_or_none,
    settings_of,
)


def read_lm_eval(file: Path, data: Mapping[str, Any], config: CompareConfig) -> EvaluationResult:
    """Read one result file.

    Raises:
        UsageError: a value is not in the unit that the configuration says.
        TypeError, AttributeError, KeyError: it has another form.
    """
    scores = {}
    for task, values in data["results"].items():
        score = _score(file, data, task, values, config)
        if score is not None:
            scores[task] = score
    return EvaluationResult(
        model=_model(data), scores=scores, parts=_parts(data.get("group_subtasks") or {})
    )


def _score(
    file: Path, data: Mapping[str, Any], task: str, values: Mapping[str, Any], config: CompareConfig
) -> Score | None:
    better = (data.get("higher_is_better") or {}).get(task)
    found = chosen(
        task, list(_candidates(values, better if isinstance(better, dict) else {})), config
    )
    if found is None:
        return None
    candidate, scale = found
    counts = (data.get("n-samples") or {}).get(task) or {}
    return Score(
        task=task,
        metric=candidate.label,
        value=candidate.value,
        stderr=candidate.stderr,
        higher_is_better=bool(candidate.higher_is_better),
        items=counts.get("effective"),
        settings=_settings(data, task, counts),
        item_scores=partial(_items, file, task, candidate.label),
        scale=scale,
    )


def _candidates(values: Mapping[str, Any], better: Mapping[str, Any]) -> Iterable[Candidate]:
    for key, value in values.items():
        name, comma, kind = key.partition(",")
        if is_number(value):
            said = better.get(name)
            yield Candidate(
                name=name,
                label=key,
                value=float(value),
                stderr=number_or_none(values.get(f"{name}_stderr{comma}{kind}")),
                higher_is_better=said if isinstance(said, bool) else None,
            )


def _settings(data: Mapping[str, Any], task: str, counts: Mapping[str, Any]) -> dict[str, str]:
    config = data.get("config") or {}
    of_task = (data.get("configs") or {}).get(task) or {}
    return settings_of(
        {
            "shots": (data.get("n-shot") or {}).get(task),
            "version": (data.get("versions") or {}).get(task),
            "items": counts.get("effective"),
            "limit": config.get("limit") or "none" if "limit" in config else None,
            "chat template": None
            if "chat_template_sha" not in data
            else ("yes" if data["chat_template_sha"] else "no"),
            "system instruction": data.get("system_instruction_sha") or None,
            "generation": of_task.get("generation_kwargs"),
        }
    )


def _model(data: Mapping[str, Any]) -> str:
    given = data.get("model_name")
    return given if isinstance(given, str) else ""


def _parts(groups: Mapping[str, Any]) -> dict[str, frozenset[str]]:
    """Group → the tasks at the bottom of it."""

    def leaves(name: str, above: frozenset[str]) -> set[str]:
        members = groups.get(name) or ()
        if name in above or not members:
            return {name}
        return {leaf for member in members for leaf in leaves(member, above | {name})}

    return {
        name: frozenset(found) for name in groups if (found := leaves(name, frozenset()) - {name})
    }


def _items(file: Path, task: str, label: str) -> Mapping[str, float]:
    """The score of each item, from the samples of the same evaluation; empty where there are none.

    An item is known by its number and the hash of its row.
    """
    date = file.stem.removeprefix("results")
    path = file.with_name(f"samples_{task}{date}.jsonl")
    name, _, kind = label.partition(",")
    found: dict[str, float] = {}
    try:
        with path.open("rb") as lines:
            for line in lines:
                row = orjson.loads(line)
                if row.get("filter", kind) == kind and is_number(row.get(name)):
                    found[f"{row['doc_id']}:{row.get('doc_hash', '')}"] = float(row[name])
    except (OSError, ValueError, KeyError, AttributeError):
        return {}
    return found
