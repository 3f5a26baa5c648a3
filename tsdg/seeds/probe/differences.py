"""How a data set differs from what the catalogue and the family's reader expect. Pure.

A difference *stops* a unit where there is nothing to read; it *must be accepted* where rows could
be read and could mean something else; otherwise it is a *note*. What nobody read anything about is
not compared.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from tsdg.errors import few, shown
from tsdg.seeds.catalogue.evidence import UnitEvidence
from tsdg.seeds.catalogue.model import Commercial
from tsdg.seeds.probe.outline import Outline, Type, plain_type, shown_type

Level = Literal["stops", "accept", "note"]
What = Literal[
    "data set",
    "name",
    "access",
    "licence",
    "config",
    "split",
    "conversion",
    "column",
    "type",
    "labels",
    "rows",
    "first rows",
    "same file",
]
COLUMNS = ("where", "what", "level", "expected", "found", "meaning", "accept")
"""Of the table of differences."""
_LONGEST = 200
"""Characters of a cell that is not ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceDifference:
    """One difference."""

    where: str
    """A data set, or a unit of source."""
    what: What
    level: Level
    expected: str
    found: str
    meaning: str
    """What it means, and what to do."""

    @property
    def accept(self) -> str:
        """What ``seeds.accept`` says to use it nevertheless: this difference, and no later one."""
        if self.level != "accept":
            return ""
        said = "|".join((self.where, self.what, self.expected, self.found))
        return f"{self.where}:{hashlib.sha256(said.encode()).hexdigest()[:8]}"

    def row(self) -> dict[str, str]:
        """Its row in the table of differences; see ``COLUMNS``."""
        return {name: shown(str(getattr(self, name))) for name in COLUMNS}


def of_split(
    where: str,
    evidence: UnitEvidence,
    found: Outline,
    *,
    needed: Sequence[str],
    whole: bool,
) -> Iterator[SourceDifference]:
    """Compare a split with what was read about its unit.

    Args:
        where: the unit's name.
        evidence: what was read about it.
        found: what the split has.
        needed: columns that the family's reader takes; empty where it does not say, and all count.
        whole: compare the number of rows too.
    """
    expected = evidence.columns.value if evidence.columns else {}
    yield from _columns(where, expected, found, needed)
    yield from _labels(where, evidence.labels.value if evidence.labels else {}, found)
    if whole and evidence.rows and evidence.rows.value != found.rows:
        yield _rows(where, evidence.rows.value, found.rows, evidence.rows.where)


def _columns(
    where: str, expected: dict[str, Type], found: Outline, needed: Sequence[str]
) -> Iterator[SourceDifference]:
    there = few(sorted(found.columns), 12)
    for name in dict.fromkeys([*needed, *expected]):
        if name not in found.columns:
            yield _lacking_column(where, name, there, needed)
        elif name in expected and not _fits(found.columns[name], plain_type(expected[name])):
            types = (expected[name], found.columns[name])
            yield _other_type(where, name, types, read=not needed or name in needed)
    more = sorted(set(found.columns) - set(expected))
    if expected and more:
        yield SourceDifference(
            where=where,
            what="column",
            level="note",
            expected=few(list(expected), 12),
            found=_cut(f"also {few(more, 12)}"),
            meaning="new columns, which nothing reads",
        )


def _lacking_column(where: str, name: str, there: str, needed: Sequence[str]) -> SourceDifference:
    level: Level
    if name in needed:
        level, meaning = (
            "stops",
            "the family's reader takes this column; it was renamed or taken away, and no row can "
            "be read until the reader knows the new name",
        )
    elif needed:
        level, meaning = "note", "it was there once; the family's reader does not take it"
    else:
        level, meaning = "accept", "it was there once, and the task may take it"
    return SourceDifference(
        where=where, what="column", level=level, expected=name, found=there, meaning=meaning
    )


def _other_type(where: str, name: str, types: tuple[Type, Type], *, read: bool) -> SourceDifference:
    expected, found = map(shown_type, types)
    return SourceDifference(
        where=where,
        what="type",
        level="accept" if read else "note",
        expected=f"{name}: {expected}",
        found=_cut(f"{name}: {found}"),
        meaning="the same values may be written in another way now, such as labels as words: look "
        "at rows before it is used"
        if read
        else "the family's reader does not take this column",
    )


def _fits(found: Type, expected: Type) -> bool:
    """Whether a type is the expected one. A list of structs may be a struct of lists."""
    if found == expected or found == "null":
        return True
    match expected, found:
        case dict(), list():
            return found == [_of_items(expected)]
        case [dict() as one], dict():
            return _of_items(found) == one
        case dict(), dict():
            return all(
                name in found and _fits(found[name], inner) for name, inner in expected.items()
            )
    return False


def _of_items(type_: dict[str, Type]) -> dict[str, Type]:
    """A struct of lists as the struct of what is in them."""
    return {name: one[0] if isinstance(one, list) else one for name, one in type_.items()}


def _labels(
    where: str, expected: dict[str, list[str]], found: Outline
) -> Iterator[SourceDifference]:
    for name, names in expected.items():
        now = found.labels.get(name)
        if now is None or list(now) == names:
            continue
        same = sorted(now) == sorted(names)
        yield SourceDifference(
            where=where,
            what="labels",
            level="accept",
            expected=_cut(f"{name}: {', '.join(names)}"),
            found=_cut(f"{name}: {', '.join(now)}"),
            meaning=(
                "the same names in another order: every answer would be another one"
                if same
                else "other names: a number may stand for another answer than the reader takes"
            ),
        )


def _rows(where: str, expected: int, found: int, source: str) -> SourceDifference:
    return SourceDifference(
        where=where,
        what="rows",
        level="accept",
        expected=f"{expected:,}",
        found=f"{found:,}",
        meaning=f"not the split that was looked at ({source}): "
        + (
            "rows of another split may be in it"
            if found > expected
            else "it may be cut anew, or only a part of it"
        ),
    )


def of_licence(
    where: str,
    expected: Sequence[tuple[str, Commercial]],
    found: str,
    uses: dict[str, Commercial],
) -> Iterator[SourceDifference]:
    """Compare the licence tags of a card with the licences that were read.

    Args:
        where: the data set.
        expected: the licences of its units that were read, each with the use that it allows.
        found: the tags, with commas.
        uses: licence → the use that it allows.
    """
    tags = [tag for tag in found.lower().split(", ") if tag]
    known = {name for name, _ in expected}
    if not expected or (set(tags) <= known if tags else "unset" in known):
        return
    allowed = {uses.get(tag, "unclear") for tag in tags}
    level: Level = "note"
    if not tags:
        meaning = "its card names no licence; the catalogue's stands in another place"
    elif allowed == {use for _, use in expected}:
        meaning = "another licence that allows the same use"
    else:
        level = "accept"
        meaning = f"commercial use is now {' and '.join(sorted(allowed))}: ask who may decide it"
    yield SourceDifference(
        where=where,
        what="licence",
        level=level,
        expected=", ".join(sorted(known)),
        found=_cut(", ".join(tags)) or "no tag",
        meaning=meaning,
    )


def unaccepted(
    differences: Iterable[SourceDifference], accepted: Iterable[str]
) -> list[SourceDifference]:
    """Return the differences that keep rows from being used."""
    taken = set(accepted)
    return [one for one in differences if one.level == "accept" and one.accept not in taken]


def _cut(text: str) -> str:
    text = shown(text)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} …"
