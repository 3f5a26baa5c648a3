"""Which verifier reads the answers to a question: that of its kind, or the one the recipe names for its family."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

from tsdg.config.recipe import Recipe
from tsdg.errors import RecipeError
from tsdg.protocols import Verifier
from tsdg.records import AnswerKind, Question, VerifierName
from tsdg.seeds.selection import Source
from tsdg.verify import check_ready, verifier_for, verifiers_of


def choose_verifier(recipe: Recipe) -> Callable[[Question], Verifier]:
    """Return the function that finds a question's verifier."""
    named = recipe.filter.verifiers
    return lambda question: verifier_for(named.get(question.family, question.answer_kind))


def check_verifiers(recipe: Recipe, sources: Sequence[Source]) -> None:
    """Check that each override names a family of the run and a verifier that can read its answers.

    Raises:
        RecipeError: one does not.
    """
    families = {source.family.family: source for source in sources}
    for family, name in recipe.filter.verifiers.items():
        if family not in families:
            raise RecipeError(
                f"filter.verifiers: {family} is no family of this run; its families are {', '.join(sorted(families))}"
            )
        for source in sources:
            kind = _kind(source)
            if source.family.family == family and name not in (allowed := verifiers_of(kind)):
                raise RecipeError(
                    f"filter.verifiers.{family}: {name} cannot read its answers, which are of kind {kind}; "
                    f"allowed: {', '.join(allowed)}"
                )


def check_verifiers_ready(recipe: Recipe, sources: Sequence[Source]) -> None:
    """Check that this machine can do what the run's verifiers need.

    Raises:
        EnvironmentUnfit: it cannot, e.g. there is no sandbox to run code in.
    """
    names: set[VerifierName] = set()
    for source in sources:
        names.add(recipe.filter.verifiers.get(source.family.family, _kind(source)))
    check_ready(names)


def _kind(source: Source) -> AnswerKind:
    return cast("AnswerKind", source.unit.answer_kind) or source.family.answer_kind
