"""Counts matches with held-out items, per task and benchmark, as stages of a run record them."""

from __future__ import annotations

from collections import Counter
from typing import Any

from tsdg.protocols import HeldOut, Match

SCHEMA_VERSION = 1


class Contamination:
    """Counts what was compared and found.

    Attributes:
        held_out: what is compared with.
        found: how many are contaminated.
    """

    def __init__(self, held_out: HeldOut) -> None:
        """Take what is compared with."""
        self.found = 0
        self.held_out = held_out
        self._compared: Counter[str] = Counter()
        self._by_task: dict[str, dict[str, Counter[str]]] = {}

    def count(self, task: str, match: Match | None) -> None:
        """Count one comparison and what it found."""
        self._compared[task] += 1
        if match is not None:
            self.found += 1
            benchmarks = self._by_task.setdefault(task, {})
            benchmarks.setdefault(match.split, Counter())["same" if match.exact else "near"] += 1

    def report(self) -> dict[str, Any]:
        """Return the account, as ``contamination.json`` holds it."""
        tasks = {
            task: {
                "questions": count,
                "contaminated": sum(
                    found.total() for found in self._by_task.get(task, {}).values()
                ),
                "benchmarks": {
                    name: {"same": found["same"], "near": found["near"]}
                    for name, found in sorted(self._by_task.get(task, {}).items())
                },
            }
            for task, count in sorted(self._compared.items())
        }
        return {
            "schema_version": SCHEMA_VERSION,
            "held_out": {"splits": len(self.held_out.splits), "rows": self.held_out.rows},
            "tasks": tasks,
        }
