"""What the requests of another run took, in place of what a plan would assume."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tsdg.config.recipe import Role
from tsdg.layout import PARTS, PHASE_FOLDERS
from tsdg.package.counts import columns_of

_TOKENS = ("prompt_tokens", "completion_tokens", "reasoning_tokens")


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Mean tokens of one request of a role."""

    prompt: float
    completion: float
    requests: int
    """That they are the mean of."""
    reasoning: float = 0.0
    """Of the completion those of thinking."""


def measure(run: Path) -> Mapping[Role, Measured]:
    """Read what each role's requests took in a run, as far as it has got.

    A sample of an answer counts as a request. What the answers' step spent beside its samples is
    the enrichment's, if one follows each solution; a judge's requests cannot be told apart from it.

    Returns:
        What was measured, by role; empty for a run that has asked for nothing yet, or keeps no
        parts.

    Raises:
        VerificationError: a part is damaged.
    """
    spent, samples = _spent(run)
    found: dict[Role, Measured] = {}
    steps: tuple[Role, ...] = ("study", "questions")
    found |= {
        step: _mean(spent[step], spent[step]["requests"])
        for step in steps
        if step in spent and spent[step]["requests"]
    }
    if samples["requests"]:
        found["answers"] = _mean(samples, samples["requests"])
        rest = Counter(spent["answers"])
        rest.subtract({name: samples[name] for name in _TOKENS})
        if samples["solutions"] and rest["completion_tokens"] > 0:
            found["enrich"] = _mean(rest, samples["solutions"])
    return found


def _spent(run: Path) -> tuple[dict[str, Counter[str]], Counter[str]]:
    """What the steps of a run spent, and of it the samples of answers; and its solutions."""
    spent: dict[str, Counter[str]] = {}
    samples: Counter[str] = Counter()
    for folder in PHASE_FOLDERS:
        for path in sorted((run / folder / PARTS).glob("*.parquet")):
            for batch in columns_of(path, ["usage", "samples", "solutions"]):
                for row in batch["usage"].flatten().to_pylist():
                    spent.setdefault(row.pop("stage"), Counter()).update(row)
                for row in batch["samples"].flatten().to_pylist():
                    samples.update({"requests": 1} | {name: row.get(name, 0) for name in _TOKENS})
                samples["solutions"] += len(batch["solutions"].flatten())
    return spent, samples


def _mean(spent: Mapping[str, int], requests: int) -> Measured:
    return Measured(
        prompt=spent["prompt_tokens"] / requests,
        completion=spent["completion_tokens"] / requests,
        requests=requests,
        reasoning=spent.get("reasoning_tokens", 0) / requests,
    )
