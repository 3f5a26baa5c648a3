"""Refuses votes that cannot be won, before anything is asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tsdg.config.recipe import AnswersConfig, Recipe
from tsdg.errors import RecipeError, few
from tsdg.generate.voteplan import plan_of, wish_of
from tsdg.generate.voting import chance
from tsdg.layout import SEEDS
from tsdg.package.counts import columns_of
from tsdg.records import AnswerKind
from tsdg.seeds.draw.option_counts import option_counts, possible_answers
from tsdg.seeds.draw.selection import TaskSource

_MANY = 64
"""More options than any task has."""


def check_votes(recipe: Recipe, sources: Sequence[TaskSource]) -> None:
    """Check that every task's votes can be won, as far as its first rows say.

    Raises:
        RecipeError: one cannot.
        MirrorError: a split cannot be read or lacks a column.
        MachineError: an lm-eval task cannot be loaded.
    """
    if _all_won(recipe):
        return
    _refuse(recipe.answers, {source.task: option_counts(source) for source in sources})


def check_seeds_votes(recipe: Recipe, directory: Path) -> None:
    """Check that the vote on every question like one of the run's seeds can be won.

    Raises:
        RecipeError: one cannot.
        VerificationError: the seeds cannot be read.
    """
    if not _all_won(recipe):
        check_counts(recipe.answers, _of_seeds(directory))


def check_counts(config: AnswersConfig, found: Iterable[tuple[str, AnswerKind, int]]) -> None:
    """Check that votes can be won, given tasks with answer kinds and numbers of options.

    Raises:
        RecipeError: one cannot.
    """
    by_task: dict[str, set[int]] = {}
    for task, kind, options in found:
        by_task.setdefault(task, set()).add(possible_answers(kind, options))
    _refuse(config, by_task)


def _all_won(recipe: Recipe) -> bool:
    """Whether no number of options is too small, so that nothing has to be looked at."""
    answers = any("answers" in steps for steps in recipe.phases)
    return not answers or all(plan_of(recipe.answers, n) for n in range(2, _MANY))


def _refuse(config: AnswersConfig, found: Mapping[str, Iterable[int]]) -> None:
    lost: dict[int, list[str]] = {}
    for task, counts in found.items():
        for options in counts:
            if options and plan_of(config, options) is None:
                lost.setdefault(options, []).append(task)
    if not lost:
        return
    wish = wish_of(config)
    claim = wish.samples - config.samples
    said = [
        f"guessing among {options} options agrees in all {wish.samples} votes with probability "
        f"{chance(options=options, samples=wish.samples, votes=wish.samples):.3g} "
        f"({few(sorted(tasks))})"
        for options, tasks in sorted(lost.items())
    ]
    enough = max(wish.would_do(options) for options in lost)
    would = (
        f"answers.samples={enough - claim} would do"
        if all(wish.would_do(options) for options in lost)
        else "no number of samples would do: raise answers.max_chance"
    )
    raise RecipeError(
        f"answers.samples={config.samples}: {'; '.join(said)}, allowed is answers.max_chance="
        f"{config.max_chance:g}, so that no answer could win; {would}"
    )


def _of_seeds(directory: Path) -> Iterable[tuple[str, AnswerKind, int]]:
    found: set[tuple[str, AnswerKind, int]] = set()
    for batch in columns_of(directory / SEEDS, ["task", "answer_kind", "options"]):
        lengths = batch["options"].value_lengths().to_pylist()
        found |= set(
            zip(batch["task"].to_pylist(), batch["answer_kind"].to_pylist(), lengths, strict=True)
        )
    return sorted(found)
