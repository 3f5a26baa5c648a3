"""Which verifier reads answers: the family's in the catalogue, or the recipe's choice.

Rows of a family whose answers the named one cannot read, as they are of another kind, keep that of
their kind.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tsdg.config.recipe import Recipe
from tsdg.errors import RecipeError
from tsdg.protocols import Verifier
from tsdg.records import AnswerKind, Question, VerifierName
from tsdg.seeds.catalogue.load import load
from tsdg.seeds.draw.selection import TaskSource
from tsdg.verify import check_ready, verifier_for, verifiers_of


def choose_verifier(recipe: Recipe) -> Callable[[Question], Verifier]:
    """Return the function that finds a question's verifier."""
    return lambda question: verifier_for(_chosen(recipe, question.family, question.answer_kind))


def check_verifiers(recipe: Recipe, sources: Sequence[TaskSource]) -> None:
    """Check that each override names a family of the run and a verifier that fits it.

    Raises:
        RecipeError: one does not.
    """
    families: dict[str, list[AnswerKind]] = {}
    for source in sources:
        families.setdefault(source.family.family, []).extend(_kinds(source))
    for family, name in recipe.filter.verifiers.items():
        if family not in families:
            raise RecipeError(
                f"filter.verifiers: {family} is no family of this run; its families are "
                f"{', '.join(sorted(families))}"
            )
        kinds = list(dict.fromkeys(families[family]))
        allowed = dict.fromkeys(verifier for kind in kinds for verifier in _allowed(family, kind))
        if name not in allowed:
            raise RecipeError(
                f"filter.verifiers.{family}: {name} cannot read its answers, which are of kind "
                f"{' and '.join(kinds)}; "
                f"allowed: {', '.join(allowed)}"
            )


def check_verifiers_ready(recipe: Recipe, sources: Sequence[TaskSource]) -> None:
    """Check that this machine can do what the run's verifiers need.

    Raises:
        MachineError: it cannot, e.g. there is no sandbox to run code in.
    """
    check_ready(
        {
            _chosen(recipe, source.family.family, kind)
            for source in sources
            for kind in _kinds(source)
        }
    )


def _chosen(recipe: Recipe, family: str, kind: AnswerKind) -> VerifierName:
    allowed = _allowed(family, kind)
    named = recipe.filter.verifiers.get(family)
    return named if named in allowed else allowed[0]


def _allowed(family: str, kind: AnswerKind) -> tuple[VerifierName, ...]:
    """What can read answers of a kind in a family, the catalogue's choice first."""
    return tuple(dict.fromkeys((load().verifier_of(family, kind), *verifiers_of(kind))))


def _kinds(source: TaskSource) -> tuple[AnswerKind, ...]:
    return (source.family.answer_kind_of(source.unit), *source.unit.other_kinds)
