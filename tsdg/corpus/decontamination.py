"""Which generated questions are items of a benchmark's held-out splits, per task and benchmark.

What is compared and what counts as the same the index says, which the pipeline hands over (``HeldOut``): the seeds are
compared with the same one. A match is shown in the rejection::

    contaminated: also in cais/mmlu/all/test row 1207
    contaminated: has 14 of the 16 runs of 8 words of openai/gsm8k/main/test row 33
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from tsdg.protocols import HeldOut, Match, Posed
from tsdg.records import Outcome, Question, Rejection

SCHEMA_VERSION = 1
_AT_ONCE = 256
"""Outcomes whose questions are compared together."""


class Nothing:
    """Where nothing is held out: a run without decontamination."""

    splits: tuple[str, ...] = ()
    rows = 0

    def compare(self, items: Sequence[Posed]) -> Sequence[Match | None]:
        """Return None for each item."""
        return [None] * len(items)


class Decontamination:
    """Compares questions, and counts what it finds.

    Attributes:
        found: how many contaminated questions.
    """

    def __init__(self, held_out: HeldOut) -> None:
        """Take what is held out."""
        self.found = 0
        self._held_out = held_out
        self._compared: Counter[str] = Counter()
        self._by_task: dict[str, dict[str, Counter[str]]] = {}

    def examine(self, outcomes: Iterable[Outcome]) -> Iterator[tuple[Outcome, Mapping[str, Match]]]:
        """Yield each outcome, in order, with the matches of its contaminated questions by question_id."""
        outcomes = iter(outcomes)
        while batch := list(islice(outcomes, _AT_ONCE)):
            questions = [question for outcome in batch for question in outcome.questions]
            matches: dict[str, Match] = {}
            for question, match in zip(questions, self._held_out.compare(questions), strict=True):
                self._compared[question.task] += 1
                if match is not None:
                    self.found += 1
                    matches[question.question_id] = match
                    benchmarks = self._by_task.setdefault(question.task, {})
                    benchmarks.setdefault(match.split, Counter())["same" if match.exact else "near"] += 1
            for outcome in batch:
                yield (
                    outcome,
                    {q.question_id: matches[q.question_id] for q in outcome.questions if q.question_id in matches},
                )

    def report(self) -> dict[str, Any]:
        """Return what was compared and found, as ``questions/contamination.json`` holds it."""
        tasks = {
            task: {
                "questions": count,
                "contaminated": sum(found.total() for found in self._by_task.get(task, {}).values()),
                "benchmarks": {
                    name: {"same": found["same"], "near": found["near"]}
                    for name, found in sorted(self._by_task.get(task, {}).items())
                },
            }
            for task, count in sorted(self._compared.items())
        }
        return {
            "schema_version": SCHEMA_VERSION,
            "held_out": {"splits": len(self._held_out.splits), "rows": self._held_out.rows},
            "tasks": tasks,
        }


def contaminated(question: Question, match: Match) -> Rejection:
    """Make the rejection of a contaminated question."""
    return Rejection(
        row_id=question.question_id,
        group=question.group,
        family=question.family,
        task=question.task,
        stage="questions",
        reason="contaminated",
        detail=str(match),
    )
