"""Which verifier reads answers: the family's in the catalogue, or the recipe's choice.

If the named one cannot read a row, because its answer is of another kind, the verifier of that kind
reads it. A user's own verifier reads answers of its one kind.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

from tsdg.config.recipe import Recipe
from tsdg.config.verifier_name import BUILT_IN, VerifierName
from tsdg.errors import CatalogueError, RecipeError
from tsdg.protocols import Verifier
from tsdg.records import AnswerKind, Question
from tsdg.seeds.catalogue.load import load
from tsdg.seeds.draw.selection import TaskSource
from tsdg.verify import check_ready, verifier_for, verifiers_of
from tsdg.verify.own import check_file_names, own_files


def choose_verifier(recipe: Recipe) -> Callable[[Question], Verifier]:
    """Return the function that finds a question's verifier."""

    @cache
    def chosen(family: str, kind: AnswerKind) -> Verifier:
        return verifier_for(_chosen(recipe, family, kind))

    return lambda question: chosen(question.family, question.answer_kind)


def check_verifiers(recipe: Recipe, sources: Sequence[TaskSource]) -> None:
    """Check that each override names a family of the run and a verifier that fits it.

    A user's own verifiers read their examples.

    Raises:
        RecipeError: one does not.
        CatalogueError: a user's own verifier is not as it must be, or a user's own family
            names one for another kind of answers.
    """
    check_file_names()
    for source in sources:
        _check_own_choice(source)
    families: dict[str, list[AnswerKind]] = {}
    for source in sources:
        families.setdefault(source.family.family, []).extend(_kinds(source))
    for family, name in recipe.filter.verifiers.items():
        if family not in families:
            raise RecipeError(
                f"filter.verifiers: {family} is not a family of this run; its families are "
                f"{', '.join(sorted(families))}"
            )
        kinds = list(dict.fromkeys(families[family]))
        allowed = dict.fromkeys(verifier for kind in kinds for verifier in _allowed(family, kind))
        if name not in allowed and not any(_own_reads(name, kind) for kind in kinds):
            raise RecipeError(
                f"filter.verifiers.{family}: {name} cannot read its answers, which are of kind "
                f"{' and '.join(kinds)}; "
                f"allowed: {', '.join(allowed)}"
            )


def _check_own_choice(source: TaskSource) -> None:
    """Hold the user's own verifier that a user's own family names to the family's answers."""
    family = source.family
    if family.verifier not in BUILT_IN and not _own_reads(family.verifier, family.answer_kind):
        raise CatalogueError(
            f"family {family.family}: column verifier: {family.verifier} cannot read its answers, "
            f"which are of kind {family.answer_kind}; allowed: one of that kind"
        )


def own_verifier_files(recipe: Recipe, sources: Sequence[TaskSource]) -> dict[str, str]:
    """Read the files of a user's own verifiers that the recipe or a family names.

    None is run, so that a machine that cannot run one knows whose run it is.

    Returns:
        ``verifiers/NAME.py`` → its text.
    """
    families = (source.family.verifier for source in sources)
    return own_files([*recipe.filter.verifiers.values(), *families])


def check_verifiers_ready(recipe: Recipe, sources: Sequence[TaskSource]) -> None:
    """Check that this machine can do what the run's verifiers need.

    Raises:
        CatalogueError: a user's own verifier is not as it must be, or needs a package that is
            not installed here.
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
    return named if named and (named in allowed or _own_reads(named, kind)) else allowed[0]


def _own_reads(name: VerifierName, kind: AnswerKind) -> bool:
    """Whether it is a user's own verifier for answers of this kind."""
    return name not in BUILT_IN and verifier_for(name).kind == kind


def _allowed(family: str, kind: AnswerKind) -> tuple[VerifierName, ...]:
    """What can read answers of a kind in a family, the catalogue's choice first."""
    return tuple(dict.fromkeys((load().verifier_of(family, kind), *verifiers_of(kind))))


def _kinds(source: TaskSource) -> tuple[AnswerKind, ...]:
    return (source.family.answer_kind_of(source.unit), *source.unit.other_kinds)
