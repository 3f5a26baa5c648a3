"""What was read about each unit of source: its row count, columns, label names and licence.

``evidence.csv`` holds one row per statement that somebody read: what it says, what was read, where
and when. A row may stand for one unit or, with ``*`` as config or split, for all units of a data
set. ``licences.csv`` says of each licence whether it allows commercial use. Whether a unit may be
used commercially follows from the two: of several licences the
strictest decides, and a unit without evidence is ``unclear``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from tsdg.seeds.catalogue.model import CatalogueRow, Certainty, Commercial, Filled, Unit

Fact = Literal["rows", "columns", "labels", "licence"]
Read = Literal["files", "metadata", "card", "script", "repository", "paper", "task"]
"""What was read. ``files``: the rows themselves, counted or looked at. ``metadata``: a
``dataset_infos.json``, or ``dataset_info`` in a card. ``card``: the other parts of a data set card
of the hub. ``script``: a loading script. ``repository``: a README or licence file of the authors.
``paper``: a publication. ``task``: code of an lm-eval task that reads the data."""

ANY = "*"
"""As config or split: every one of the data set that the catalogue lists."""

NO_EVIDENCE = "unverified"
"""What is shown as the licence of a unit about whose licence nobody read anything."""

_STRICT: tuple[Commercial, ...] = ("yes", "share_alike", "unclear", "no")
"""From the most to the least that a licence allows."""

_PLACE = re.compile(
    r"(github|hub):[\w.-]+/[\w.-]+(@[0-9a-f]{7,40})?: \S.*|(arxiv|pypi):[\w.-]+( [\w.]+)?: \S.*"
)


def _is_place(value: str) -> str:
    if not _PLACE.fullmatch(value):
        raise ValueError(
            "allowed: REPOSITORY: PATH, as in `github:openai/grade-school-math: LICENSE`; the "
            "repository may also be hub:OWNER/NAME, arxiv:NUMBER or pypi:NAME"
        )
    return value


def _is_type(value: object, key: str) -> None:
    """A type: a name, a list with the type of its elements, or a mapping of columns to types."""
    if isinstance(value, str) and value:
        return
    if isinstance(value, list) and len(value) == 1:
        _is_type(value[0], f"{key}[]")
    elif isinstance(value, dict) and value:
        for name, inner in value.items():
            _is_type(inner, f"{key}.{name}" if key else name)
    else:
        raise ValueError(
            f"{key or 'columns'}: found {json.dumps(value)}, allowed: the name of a type, a list "
            "of one type, or a mapping of columns to types"
        )


class Evidence(CatalogueRow):
    """One statement that was read, of a unit or of all units of a data set."""

    dataset_path: Filled
    config: str
    """"" for the default config, ``*`` for every config."""
    split: Filled
    """``*`` for every split."""
    fact: Fact
    found: Filled
    """What was read there. ``rows``: the rows of the split, as a number. ``columns``: a JSON
    mapping of columns to types; a type is a name (those of Arrow, or ``class_label``), a list of
    one type, or a mapping. ``labels``: a JSON mapping of class-label columns to the names, in
    order; parts of a nested column are joined by dots. ``licence``: a name in ``licences.csv``."""
    read: Read
    where: Annotated[Filled, AfterValidator(_is_place)]
    """Repository (with its commit, where known) and path, line or page."""
    when: date
    """The day on which it was read."""
    remarks: str

    @model_validator(mode="after")
    def _parses(self) -> Self:
        if self.fact == "licence":
            return self
        try:
            value = json.loads(self.found)
        except ValueError as error:
            raise ValueError(f"found: {self.found[:60]!r} is not JSON; correct it") from error
        if self.fact == "rows":
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"found: {self.found!r}, allowed: a number of rows from 1 on")
        elif self.fact == "columns":
            if not isinstance(value, dict):
                raise ValueError("found: allowed is a JSON mapping of columns to types")
            _is_type(value, "")
        elif not (isinstance(value, dict) and value and all(map(_is_names, value.values()))):
            raise ValueError("found: allowed is a JSON mapping of columns to lists of names")
        return self

    @cached_property
    def value(self) -> Any:
        """What was found: an int, a mapping (columns, labels), or the licence's name."""
        return self.found if self.fact == "licence" else json.loads(self.found)

    def covers(self, unit: Unit) -> bool:
        """Whether it is about a unit."""
        return (
            self.dataset_path == unit.dataset_path
            and self.config in (ANY, unit.config)
            and self.split in (ANY, unit.split)
        )

    @property
    def exactness(self) -> int:
        """How closely it names its unit: a statement on one config outdoes one on all."""
        return 2 * (self.config != ANY) + (self.split != ANY)


def _is_names(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(name, str) for name in value)


class Licence(CatalogueRow):
    """What a licence is called, and what follows from it."""

    licence: Annotated[str, Field(pattern=r"^[a-z0-9.-]+$", description="small letters, digits")]
    """The hub's tag where it has one."""
    name: Filled
    """As it is shown."""
    commercial: Commercial
    why: str


@dataclass(frozen=True, kw_only=True)
class UnitEvidence:
    """What is known of one unit; None and an empty tuple where nobody read anything."""

    rows: Evidence | None
    columns: Evidence | None
    labels: Evidence | None
    licences: tuple[Evidence, ...]

    def statements(self, fact: Fact) -> tuple[Evidence, ...]:
        """What was read about one fact; a licence may have several statements."""
        one = {"rows": self.rows, "columns": self.columns, "labels": self.labels}.get(fact)
        return self.licences if fact == "licence" else (() if one is None else (one,))

    @property
    def rows_certainty(self) -> Certainty | None:
        """``C`` where rows were counted, ``D`` where a number was read, None without evidence."""
        if self.rows is None:
            return None
        return "C" if self.rows.read == "files" else "D"


def evidence_of(unit: Unit, statements: Iterable[Evidence]) -> UnitEvidence:
    """Collect what was read about a unit.

    Of rows, columns and labels the statement that names the unit most closely is taken: one on its
    config before one on the whole data set. Licences come with the closest first.
    """
    found: dict[Fact, list[Evidence]] = {}
    for one in statements:
        if one.covers(unit):
            found.setdefault(one.fact, []).append(one)
    for those in found.values():
        those.sort(key=lambda one: one.exactness, reverse=True)
    first = {fact: those[0] for fact, those in found.items()}
    return UnitEvidence(
        rows=first.get("rows"),
        columns=first.get("columns"),
        labels=first.get("labels"),
        licences=tuple(found.get("licence", ())),
    )


def strictest(uses: Iterable[Commercial]) -> Commercial:
    """Return the least that is allowed: ``no``, then ``unclear``, ``share_alike`` and ``yes``.

    Where nothing is said it is ``unclear``.
    """
    return max(uses, key=_STRICT.index, default="unclear")


def licence_of(evidence: UnitEvidence, licences: Mapping[str, Licence]) -> tuple[str, Commercial]:
    """Return a unit's licence as it is shown, and its commercial use.

    All statements count, and the strictest decides. Only where a licence was read for the unit
    itself is an ``unclear`` one of the whole data set set aside: cards of collections often say
    ``other`` and leave the licence to the parts.

    Args:
        evidence: what was read about the unit.
        licences: name of a licence → what follows from it.
    """
    closest = evidence.licences[0].exactness if evidence.licences else 0
    counted = [
        one.found
        for one in evidence.licences
        if one.exactness == closest or licences[one.found].commercial != "unclear"
    ]
    known = [licences[name] for name in dict.fromkeys(counted)]
    shown = " and ".join(one.name for one in known) or NO_EVIDENCE
    return shown, strictest(one.commercial for one in known)
