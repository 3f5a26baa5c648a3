"""What the catalogue says of families and units of source.

Tiers: ``A`` a proven training split; ``B`` off by default (only a few official exemplars, or a
known leak that the remarks name); ``extra`` a proven training split that no lm-eval task reads,
outside the 39 + 34; ``demo`` tsdg's own.

Codes for how certain a number of rows is are explained in ``docs/seeds.md``. What was read about a
unit stands in :mod:`tsdg.seeds.catalogue.evidence`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from tsdg.config.base import Config, NonNegativeInt
from tsdg.config.verifier_name import VerifierName
from tsdg.kinds import AnswerKind, Group, OutputType

if TYPE_CHECKING:
    from tsdg.seeds.catalogue.evidence import UnitEvidence

Tier = Literal["A", "B", "extra", "demo"]
Commercial = Literal["yes", "share_alike", "no", "unclear"]
Certainty = Literal["C", "D", "S", "M", "~", "?"]

Name = Annotated[
    str, Field(pattern=r"^[a-z][a-z0-9_]*$", description="small letters, digits and underscores")
]
Filled = Annotated[str, Field(min_length=1, description="a text that is not empty")]


def _listed(value: object) -> object:
    """A cell of a table holds several values between bars."""
    if isinstance(value, str):
        return tuple(part for part in value.split("|") if part)
    return tuple(value) if isinstance(value, list) else value


Several = Annotated[
    tuple[Filled, ...],
    BeforeValidator(_listed),
    Field(min_length=1, description="texts, as a list or between bars (a|b)"),
]


def _said(value: object) -> object:
    """Return the word that was meant: YAML takes yes and no without quotes for true and false."""
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else value


class CatalogueRow(Config):
    """A row of the catalogue's tables, or of the YAML file of a user's own family."""

    # The cells of a table are texts: a number may be written as one.
    model_config = ConfigDict(strict=False)


class Family(CatalogueRow):
    """One task family."""

    id: Filled
    """``K01`` to ``K39``, ``R01`` to ``R34``, ``X..`` for extra and ``D..`` for demo families."""
    family: Name
    group: Group
    tier: Tier
    output_type: OutputType
    answer_kind: AnswerKind
    """A unit may have another."""
    domain: Filled
    languages: Annotated[
        tuple[Filled, ...],
        BeforeValidator(_listed),
        Field(description="texts, as a list or between bars (a|b)"),
    ]
    licence: Filled
    commercial: Annotated[Commercial, BeforeValidator(_said)]
    verifier: VerifierName
    """Reads the rows that have its answer kind; other rows have the verifier of their kind."""
    adapter: Filled
    """``lm_eval``, or what the family's module is called."""
    suggested_cap: NonNegativeInt
    """Seeds beyond this add little: duplicates, translations or templates of the same items."""
    contamination: str
    remarks: str

    @model_validator(mode="after")
    def _options_are_choices(self) -> Self:
        if (self.output_type == "multiple_choice") != (self.answer_kind == "choice"):
            raise ValueError(
                f"output_type {self.output_type} and answer_kind {self.answer_kind} do not go "
                "together: multiple_choice is choice, generate_until any other kind"
            )
        return self

    def licence_of(self, unit: Unit) -> str:
        """Return the licence of one of its units: the unit's own, else the family's."""
        return unit.licence or self.licence

    def commercial_of(self, unit: Unit) -> Commercial:
        """Return whether one of its units may be used commercially.

        The unit's own word, else the family's.
        """
        return unit.commercial or self.commercial

    def answer_kind_of(self, unit: Unit) -> AnswerKind:
        """Return the kind of answer in a unit's rows, apart from the unit's ``other_kinds``."""
        return unit.answer_kind or self.answer_kind


class Unit(CatalogueRow):
    """One unit of source."""

    family: Name
    dataset_path: Filled
    config: str
    """"" for the default config."""
    split: Filled
    proof: Filled
    """Why the split is training data."""
    rows: NonNegativeInt
    """Rows of the split; 0 where nobody knows."""
    rows_certainty: Certainty
    language: str
    """Empty where a column of a passage corpus says it."""
    tasks: Several
    """Tasks that read the unit, the one that renders it first. lm-eval names; a unit that no
    lm-eval task reads (``yaml`` is empty) has one name of tsdg's own."""
    yaml: str
    """YAML of the first task, below ``lm_eval/tasks`` (demo: below ``tsdg/seeds/demo``)."""
    licence: str
    """Empty: the family's. In the package's catalogue it follows from the evidence."""
    commercial: Annotated[Commercial | Literal[""], BeforeValidator(_said)]
    """Likewise."""
    remarks: str
    answer_kind: AnswerKind | Literal[""]
    """Empty: the family's."""
    part_of: str
    """Config of the unit of the same data set and split that this one is a smaller size of; empty
    where it is none."""
    other_kinds: tuple[AnswerKind, ...] = ()
    """Answer kinds that some of its rows have beside the usual one: problems that come with
    options, say. In a table they follow it: ``math|choice``."""

    @model_validator(mode="before")
    @classmethod
    def _kinds(cls, data: Any) -> Any:
        """Part the answer kinds of a table's cell."""
        kind = data.get("answer_kind") if isinstance(data, dict) else None
        if isinstance(kind, str) and "|" in kind:
            first, *others = kind.split("|")
            return {**data, "answer_kind": first, "other_kinds": tuple(others)}
        return data

    @property
    def name(self) -> str:
        """The unit as it is shown: ``allenai/ai2_arc/ARC-Easy/train``."""
        return f"{self.dataset_path}/{self.config or 'default'}/{self.split}"


@dataclass(frozen=True, kw_only=True)
class Catalogue:
    """The families and the units, in the order of the tables."""

    families: tuple[Family, ...]
    units: tuple[Unit, ...]
    evidence: Mapping[str, UnitEvidence] = field(default_factory=dict)
    """Name of a unit → what was read about it; a user's own units have none."""
    _families: Mapping[str, Family] = field(init=False, repr=False, compare=False)
    _tasks: Mapping[str, Unit] = field(init=False, repr=False, compare=False)
    _units: Mapping[str, tuple[Unit, ...]] = field(init=False, repr=False, compare=False)
    _datasets: Mapping[str, tuple[Unit, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        units: dict[str, list[Unit]] = {family.family: [] for family in self.families}
        datasets: dict[str, list[Unit]] = {}
        for unit in self.units:
            units[unit.family].append(unit)
            datasets.setdefault(unit.dataset_path, []).append(unit)
        object.__setattr__(self, "_families", {family.family: family for family in self.families})
        object.__setattr__(
            self, "_tasks", {task: unit for unit in self.units for task in unit.tasks}
        )
        object.__setattr__(
            self, "_units", {name: tuple(members) for name, members in units.items()}
        )
        object.__setattr__(
            self, "_datasets", {path: tuple(members) for path, members in datasets.items()}
        )

    @property
    def datasets(self) -> Mapping[str, tuple[Unit, ...]]:
        """Dataset path → its units."""
        return self._datasets

    def family(self, name: str) -> Family:
        """Return a family by its name.

        Raises:
            KeyError: there is no such family.
        """
        return self._families[name]

    def has_family(self, name: str) -> bool:
        """Whether there is a family of this name."""
        return name in self._families

    def unit_of_task(self, task: str) -> Unit | None:
        """Return the unit that a task reads; None for a task that is not in the catalogue."""
        return self._tasks.get(task)

    def units_of_family(self, name: str) -> tuple[Unit, ...]:
        """Return a family's units.

        Raises:
            KeyError: there is no such family.
        """
        return self._units[name]

    def licence_of(self, unit: Unit) -> str:
        """Return the licence of a unit of the catalogue; see :meth:`Family.licence_of`."""
        return self.family(unit.family).licence_of(unit)

    def commercial_of(self, unit: Unit) -> Commercial:
        """Return whether a unit of the catalogue may be used commercially.

        See :meth:`Family.commercial_of`.
        """
        return self.family(unit.family).commercial_of(unit)

    def verifier_of(self, family: str, kind: AnswerKind) -> VerifierName:
        """Return the verifier of answers of a kind in a family: its own, else that of the kind."""
        known = self._families.get(family)  # a user's own passages are in no catalogue
        return known.verifier if known and known.answer_kind == kind else kind

    def answer_kind_of(self, unit: Unit) -> AnswerKind:
        """Return what kind of answer a unit of the catalogue has.

        See :meth:`Family.answer_kind_of`.
        """
        return self.family(unit.family).answer_kind_of(unit)
