"""What is known against a row's right answer beside what its own text says.

Two sources: the row's own tests, which its reference solution may fail; and what ``tsdg
difficulty`` found in earlier runs, where the solver's majority contradicted the gold.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tsdg.errors import RecipeError, looked_in
from tsdg.layout import DIFFICULTY
from tsdg.seeds.rows.item import Gold, Item

Prove = Callable[[Sequence[tuple[Item, Gold]]], list[str]]
"""Runs the tests of items on their own golds; says of each which fails, or nothing."""
CONTRADICTED = "contradicted.json"
"""File of ``RUN/difficulty/SAMPLE``: seed id → what the majority answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubts:
    """What may be held against rows."""

    contradicted: Mapping[str, str] = field(default_factory=dict)
    """Seed id → why, of rows whose answer an earlier run's solver contradicted."""
    prove: Prove | None = None
    """For golds with tests; None where nothing can run them."""

    def of(self, rows: Sequence[tuple[str, Item, Gold]]) -> list[str]:
        """Say why rows are doubtful; empty where nothing speaks against one.

        Args:
            rows: seed id, item and gold of each.
        """
        why = [self.contradicted.get(seed_id, "") for seed_id, _, _ in rows]
        if self.prove is None:
            return why
        tested = [n for n, (_, _, gold) in enumerate(rows) if gold.kind == "code" and not why[n]]
        failed = self.prove([(rows[n][1], rows[n][2]) for n in tested]) if tested else []
        for n, failure in zip(tested, failed, strict=True):
            why[n] = failure
        return why


NO_DOUBTS = Doubts()


def contradicted(runs: Iterable[str]) -> dict[str, str]:
    """Read what ``tsdg difficulty`` found in runs.

    Args:
        runs: their directories, as ``seeds.exclude`` names them.

    Returns:
        Seed id → why it is doubtful.

    Raises:
        RecipeError: a run has no such finding, or it cannot be read.
    """
    found: dict[str, str] = {}
    for run in runs:
        files = sorted(Path(run, DIFFICULTY).glob(f"*/{CONTRADICTED}"))
        if not files:
            raise RecipeError(
                f"seeds.exclude: found {run}, which has no {DIFFICULTY}/*/{CONTRADICTED}"
                f"{looked_in(run)}; "
                f"`tsdg difficulty {run}` writes it"
            )
        for file in files:
            found |= {
                seed_id: f"the majority of {run} answers {answer!r}"
                for seed_id, answer in _answers(file).items()
            }
    return found


def state_of(runs: Iterable[str]) -> str:
    """Return what the findings of runs are known by again: a hash of what they hold.

    Empty where there are none, or one cannot be read here.
    """
    try:
        found = contradicted(runs)
    except RecipeError:
        return ""
    said = json.dumps(found, sort_keys=True).encode()
    return f"sha256:{hashlib.sha256(said).hexdigest()[:24]}" if found else ""


def _answers(file: Path) -> dict[str, str]:
    try:
        answers = json.loads(file.read_text(encoding="utf-8"))
        return {str(seed_id): str(answer) for seed_id, answer in answers.items()}
    except (OSError, ValueError, AttributeError) as error:
        reason = " ".join(str(error).split())
        raise RecipeError(f"seeds.exclude: {file} cannot be read ({reason})") from None
