"""Results of NeMo-Skills (``metrics.json``) and of NeMo Evaluator (``results.yml``).

NeMo-Skills, per benchmark and mode, in points of 100; the generations lie in a folder per
benchmark::

    {"gsm8k": {"pass@1[avg-of-4]": {"num_entries": 1319, "symbolic_correct": 81.9, ...}, ...}}

NeMo Evaluator, in the unit of the harness that it ran::

    config: {type: mmlu, params: {limit_samples: 50, ...}}
    target: {api_endpoint: {model_id: ...}}
    results:
      tasks: {mmlu: {metrics: {acc: {scores: {acc: {value: 0.6, stats: {stderr: 0.01}}}}}}}
      groups: {...}
"""

from __future__ import annotations

import hashlib
import math
import re
from collections import Counter, defaultdict
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

_AVERAGE = re.compile(r"pass@1\[avg-of-(\d+)\]")


def read_nemo_skills(
    file: Path, data: Mapping[str, Any], config: CompareConfig
) -> EvaluationResult:
    """Read one ``metrics.json``: of each benchmark, pass@1 over as many generations as there are.

    The standard error is that of the items, ``sqrt(p (1 - p) / n)``: an upper bound where several
    generations of an item are averaged. The spread over generations alone, which the file has,
    would leave out the choice of items.

    Raises:
        UsageError: a value is not in the unit that the configuration says.
        TypeError, AttributeError, KeyError: it has another form.
    """
    scores: dict[str, Score] = {}
    for task, modes in data.items():
        mode = max((name for name in modes if name.startswith("pass@1")), key=_runs, default="")
        found = chosen(task, _skills_candidates(modes.get(mode, {}), mode), config)
        if found is None:
            continue
        candidate, scale = found
        entries = modes[mode].get("num_entries")
        scores[task] = Score(
            task=task,
            metric=candidate.label,
            value=candidate.value,
            stderr=_of_items(candidate.value, entries),
            higher_is_better=bool(candidate.higher_is_better),
            items=entries,
            settings=settings_of({"items": entries}),
            item_scores=partial(_generations, file, task, candidate.name),
            scale=100.0 * scale,
        )
    return EvaluationResult(model="", scores=scores, parts=_skills_parts(data, scores))


def _runs(mode: str) -> int:
    found = _AVERAGE.fullmatch(mode)
    return int(found[1]) if found else 1


def _skills_candidates(values: Mapping[str, Any], mode: str) -> list[Candidate]:
    return [
        Candidate(
            name=name,
            label=f"{mode} {name}",
            value=float(value),
            stderr=None,
            higher_is_better=None,
        )
        for name, value in values.items()
        if is_number(value)
    ]


def _of_items(points: float, entries: object) -> float | None:
    if not is_number(entries) or entries < 1 or not 0 <= points <= 100:
        return None
    return math.sqrt(points * (100 - points) / entries)


def _skills_parts(
    data: Mapping[str, Any], scores: Mapping[str, Score]
) -> dict[str, frozenset[str]]:
    """Averages over benchmarks (``ruler`` of ``ruler.niah``) and subsets that make up one."""
    found = {whole: _members(whole, modes, scores) for whole, modes in data.items()}
    return {whole: members for whole, members in found.items() if members}


def _members(whole: str, modes: Mapping[str, Any], scores: Mapping[str, Score]) -> frozenset[str]:
    """The benchmarks that one averages, or the subsets that it consists of; none for neither."""
    averaged = frozenset(name for name in scores if name.startswith(f"{whole}."))
    if averaged and any("num_benchmarks_in_group" in mode for mode in modes.values()):
        return averaged
    subsets = frozenset(name for name in scores if name.startswith(f"{whole}-"))
    size = sum(scores[name].items or 0 for name in subsets)
    return subsets if subsets and whole in scores and size == scores[whole].items else frozenset()


def _generations(file: Path, benchmark: str, name: str) -> Mapping[str, float]:
    """The mean score of each item over its generations; empty where they are not kept.

    An item is known by its text and answer, and by how many equal ones came before it.
    """
    folder = file.parent if file.parent.name == benchmark else file.parent / benchmark
    if not folder.is_dir():
        folder = file.parent / "eval-results" / benchmark
    found: dict[str, list[float]] = defaultdict(list)
    try:
        for path in sorted([*folder.glob("output-rs*.jsonl"), *folder.glob("output.jsonl")]):
            seen: Counter[str] = Counter()
            for line in path.read_bytes().splitlines():
                row = orjson.loads(line)
                if isinstance(row[name], bool) or is_number(row[name]):
                    asked = row.get("problem") or row.get("question")
                    text = f"{asked}\x1f{row.get('expected_answer')}"
                    key = hashlib.blake2b(text.encode(), digest_size=12).hexdigest()
                    seen[key] += 1
                    found[f"{key}:{seen[key]}"].append(float(row[name]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
    return {key: math.fsum(values) / len(values) for key, values in found.items()}


def read_nemo_evaluator(data: Mapping[str, Any], config: CompareConfig) -> EvaluationResult:
    """Read one ``results.yml``; a group counts where no task has its name.

    Raises:
        UsageError: a value is not in the unit that the configuration says.
        TypeError, AttributeError, KeyError: it has another form.
    """
    results = data["results"]
    settings = data.get("config") or {}
    endpoint = (data.get("target") or {}).get("api_endpoint") or {}
    tasks, groups = (results.get(kind) or {} for kind in ("tasks", "groups"))
    scores = {
        task: score
        for task, entry in {**groups, **tasks}.items()
        if (score := _evaluator_score(task, entry, settings, config))
    }
    return EvaluationResult(
        model=str(endpoint.get("model_id") or ""),
        scores=scores,
        parts={
            group: frozenset(entry.get("groups") or {}) | _named_after(group, tasks)
            for group, entry in groups.items()
        },
    )


def _evaluator_score(
    task: str, entry: Mapping[str, Any], settings: Mapping[str, Any], config: CompareConfig
) -> Score | None:
    listed = list(_evaluator_candidates(entry.get("metrics") or {}))
    found = chosen(task, [candidate for candidate, _ in listed], config)
    if found is None:
        return None
    candidate = found[0]
    items = next(count for one, count in listed if one.label == candidate.label)
    return Score(
        task=task,
        metric=candidate.label,
        value=candidate.value,
        stderr=candidate.stderr,
        higher_is_better=bool(candidate.higher_is_better),
        items=items,
        settings=_evaluator_settings(settings, items),
    )


def _named_after(group: str, tasks: Iterable[str]) -> frozenset[str]:
    return frozenset(task for task in tasks if task.startswith(f"{group}_"))


def _evaluator_candidates(metrics: Mapping[str, Any]) -> Iterable[tuple[Candidate, int | None]]:
    for metric, entry in metrics.items():
        for name, score in (entry.get("scores") or {}).items():
            value, stats = score.get("value"), score.get("stats") or {}
            if is_number(value):
                label = name if metric == name else f"{metric} {name}"
                candidate = Candidate(
                    name=re.split(r"__|,", name)[0],
                    label=label,
                    value=float(value),
                    stderr=number_or_none(stats.get("stderr")),
                    higher_is_better=None,
                )
                count = stats.get("count")
                yield candidate, int(count) if is_number(count) else None


def _evaluator_settings(config: Mapping[str, Any], items: int | None) -> dict[str, str]:
    params = config.get("params") or {}
    extra = params.get("extra") or {}
    return settings_of(
        {
            "items": items,
            "limit": params.get("limit_samples") or "none" if "limit_samples" in params else None,
            "shots": extra.get("num_fewshot"),
            "repeats": extra.get("num_repeats"),
            "harness": config.get("type"),
        }
    )
