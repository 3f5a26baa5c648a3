"""The guard: what may be used as seeds, and what may not, with the reason.

A task is allowed if the catalogue lists its unit of source as proven training data. Everything
else, known or not, is refused. The reason comes from four tables:

* the catalogue;
* ``denied.csv``: data sets that look usable and are not;
* ``aliases.csv``: other names and copies of data sets that the catalogue knows;
* the index of all lm-eval names, which says what each task reads and scores.

``denied_rows.csv`` names single rows of allowed units. Rows that also stand in a held-out split of
the mirror are found when seeds are collected.
"""

from __future__ import annotations

import difflib
import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from typing import Any, Literal

from tsdg.errors import SeedsDeniedError, few
from tsdg.seeds.catalogue.index import Entry, Index, load_index
from tsdg.seeds.catalogue.load import load
from tsdg.seeds.catalogue.model import Catalogue, Family, Unit
from tsdg.seeds.catalogue.tables import table

Kind = Literal["task", "group", "family", "dataset", "unknown"]

NEXT_STEP = "take it out of seeds.tasks; `tsdg seeds list` shows what may be used"
"""Names in a message."""
_CANDIDATES = 40
"""Names that are compared in full with an unknown one."""
_LONGEST = 100
"""Characters of an unknown name that are compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the guard says of a name."""

    name: str
    """As it was asked for."""
    allowed: bool
    kind: Kind
    reason: str
    """One line."""
    units: tuple[Unit, ...]
    """The units of source that may be used under this name; empty where it is denied."""


def check(name: str, *, tier_b: bool = False) -> Verdict:
    """Say whether seeds may come from a name, and why.

    Args:
        name: an lm-eval task, group or tag, a family (or its id, ``K01``), or a data set as
            ``<path>``, ``<path>/<config>`` or ``<path>/<config>/<split>``; unknown names are
            answered as well.
        tier_b: whether families of tier B, which are off by default, count as allowed.
    """
    stripped = name.strip()
    answer = _check_known(stripped, tier_b)
    if answer is None and (known := _folded().get(stripped.casefold())):
        answer = _check_known(known, tier_b)
    kind, units, reason = answer or ("unknown", (), _unknown(stripped))
    return Verdict(name=name, allowed=bool(units), kind=kind, reason=reason, units=units)


def require_allowed(tasks: Iterable[str], *, tier_b: bool = False) -> None:
    """Let only proven training tasks through.

    Args:
        tasks: task names, as in ``seeds.tasks``.
        tier_b: whether families of tier B may be used.

    Raises:
        SeedsDeniedError: one of them is denied, or is a group, family or data set; the message
            says why of the first, and names the others.
    """
    catalogue = load()
    refused = []
    for task in tasks:
        unit = catalogue.unit_of_task(task)
        if unit is None or (catalogue.family(unit.family).tier == "B" and not tier_b):
            refused.append(task)
    if refused:
        first, *others = refused
        more = f" (and {len(others)} more: {few(others)})" if others else ""
        raise SeedsDeniedError(f"seeds.tasks: {_why_no_task(first, tier_b=tier_b)}{more}")


def _why_no_task(task: str, *, tier_b: bool) -> str:
    """Why a name may not stand among tasks, and what may."""
    verdict = check(task, tier_b=tier_b)
    if not verdict.allowed:
        return f"{task!r} is denied: {verdict.reason}; {NEXT_STEP}"
    names = [unit.tasks[0] for unit in verdict.units]
    whole = f", or all of it with seeds.families=[{task}]" if verdict.kind == "family" else ""
    return (
        f"{task!r} is no task but a {verdict.kind}, allowed are task names; name its tasks "
        f"instead: {few(names)}{whole}"
    )


def row_denied(unit: Unit, row: Mapping[str, Any]) -> str:
    """Say why a row of an allowed unit may not be used; "" where it may.

    This is for rows that are known by number to be scored elsewhere, in a data set that the mirror
    may lack: MBPP's train ids up to 809, many of which MBPP+ scores. Rows that stand in a held-out
    split of the mirror are found by their text instead.

    Args:
        unit: the unit that the row is of.
        row: its columns; where the column that decides is missing or no number, the row is denied.
    """
    for column, first, last, reason in _denied_rows().get(
        (unit.dataset_path, unit.config, unit.split), ()
    ):
        value = row.get(column)
        if not isinstance(value, int) or first <= value <= last:
            return f"{column} {value}: {reason}"
    return ""


_Answer = tuple[Kind, tuple[Unit, ...], str]


def _check_known(name: str, tier_b: bool) -> _Answer | None:
    """Answer for a name exactly as it is written; None where nobody knows it."""
    catalogue = load()
    unit = catalogue.unit_of_task(name)
    if unit is not None:
        return ("task", *_of_units((unit,), catalogue, tier_b))
    index = load_index()
    entry = index.entries.get(name)
    if entry is not None and entry.is_task:
        return "task", (), _why_not_task(entry)
    family = _families().get(name)
    if family is not None:
        return ("family", *_of_units(catalogue.units_of_family(family.family), catalogue, tier_b))
    if entry is not None:
        return ("group", *_of_group(name, catalogue, index, tier_b))
    return _of_dataset(name, catalogue, index, tier_b)


def _of_units(
    units: Sequence[Unit], catalogue: Catalogue, tier_b: bool
) -> tuple[tuple[Unit, ...], str]:
    """Judge units of one family or data set that the catalogue lists."""
    usable = tuple(unit for unit in units if tier_b or catalogue.family(unit.family).tier != "B")
    if not usable:
        family = catalogue.family(units[0].family)
        why = " ".join(part for part in (family.remarks, family.contamination) if part).rstrip(".")
        return (
            (),
            f"family {family.family} is off by default (tier B): {why}; seeds.tier_b=true takes it",
        )
    return usable, _describe(usable, catalogue)


def _describe(units: Sequence[Unit], catalogue: Catalogue) -> str:
    first = units[0]
    family = catalogue.family(first.family)
    what = (
        first.name if len(units) == 1 else f"{len(units)} units of source, {first.name} the first"
    )
    licences = list(dict.fromkeys(catalogue.licence_of(unit) for unit in units))
    commercial = sorted({catalogue.commercial_of(unit) for unit in units})
    parts = [
        f"{what}: {first.proof}",
        f"licence {few(licences)} (commercial use: {' or '.join(commercial)})",
    ]
    if family.contamination:
        parts.append(f"note: {family.contamination.rstrip('.')}")
    return "; ".join(parts)


def _of_group(
    name: str, catalogue: Catalogue, index: Index, tier_b: bool
) -> tuple[tuple[Unit, ...], str]:
    """A group is allowed where each of its tasks is."""
    tasks = index.tasks_of(name)
    units: dict[Unit, None] = {}
    denied: list[str] = []
    for task in tasks:
        unit = catalogue.unit_of_task(task)
        if unit is not None and (tier_b or catalogue.family(unit.family).tier != "B"):
            units[unit] = None
        else:
            denied.append(task)
    if not denied and units:
        return tuple(
            units
        ), f"all {len(tasks)} tasks are allowed; {_describe(tuple(units), catalogue)}"
    if not denied:
        return (), "a group without tasks"
    first = _check_known(denied[0], tier_b)
    reason = first[2] if first else "it is defined inside the group, and no catalogued task"
    ends = f"; allowed in it: {few([unit.tasks[0] for unit in units])}" if units else ""
    return (
        (),
        (
            f"{len(denied)} of its {len(tasks)} tasks are denied, the first {denied[0]}: "
            f"{reason}{ends}"
        ),
    )


def _why_not_task(entry: Entry) -> str:
    """The reason why a task of lm-eval is not in the catalogue."""
    path, config = entry.dataset_path, entry.config
    if not path:
        return (
            "it gets its rows from code of its own, and no training split of it is proven; "
            "not in the catalogue"
        )
    where = f"{path}/{config}" if config else path
    named = _denied_reason(path, config, entry.training or entry.scored)
    if named:
        return f"{where}: {named}"
    alias = _aliases().get(path)
    if alias:
        return f"{where}: {alias}"
    if entry.scored == "train" or entry.training == entry.scored != "":
        return f"{where}: the split {entry.scored} is the one that the task scores"
    if entry.training:
        return (
            f"{where}: the task declares {entry.training} as training data, without proof; "
            "not in the catalogue"
        )
    fewshot = (
        f", {entry.fewshot} (few-shot prompt)" if entry.fewshot not in ("", entry.scored) else ""
    )
    return (
        f"{where}: the task names no training split, only {entry.scored} (scored){fewshot}; "
        "not in the catalogue"
    )


def _of_dataset(name: str, catalogue: Catalogue, index: Index, tier_b: bool) -> _Answer | None:
    if "" in name.split("/"):
        return None
    path, config, split = _parts(name)
    by_path = _catalogued().get(path, ())
    units = [
        unit for unit in by_path if config in (None, unit.config) and split in (None, unit.split)
    ]
    if units:
        usable, reason = _of_units(units, catalogue, tier_b)
        return (
            "dataset",
            usable,
            f"{reason}; its other splits are denied" if usable and split is None else reason,
        )
    named = _denied_reason(path, config or "", split or "")
    readers = index.datasets.get(path, ())
    alias = _aliases().get(path)
    if not (by_path or named or alias or readers):
        return None
    if split is not None and (scorers := index.scored.get((path, config or "", split))):
        return (
            "dataset",
            (),
            f"the split is scored by {few(scorers)}" + (f"; {named}" if named else ""),
        )
    if named or alias:
        return "dataset", (), named or alias or ""
    if by_path:
        return (
            "dataset",
            (),
            f"not catalogued; of {path} only {few([unit.name for unit in by_path])} may be used",
        )
    return "dataset", (), _why_not_task(readers[0])


def _parts(name: str) -> tuple[str, str | None, str | None]:
    """Split ``owner/name/config/split``, or ``name`` as data sets were called before owners."""
    parts = name.split("/")
    path = "/".join(parts[:2])
    config = None if len(parts) < 3 else "" if parts[2] == "default" else parts[2]
    return path, config, "/".join(parts[3:]) if len(parts) > 3 else None


def _unknown(name: str) -> str:
    near = _near(name)
    guess = f"; near names: {', '.join(near)}" if near else ""
    return f"unknown name: no lm-eval task, group, family or data set of the catalogue{guess}"


def _near(name: str) -> list[str]:
    """The names most like this one.

    A quick choice by shared letter triples, since difflib is slow, then by difflib.
    """
    folded = name.casefold()[:_LONGEST]
    triples = {folded[at : at + 3] for at in range(len(folded) - 2)}
    shared = (
        (sum(triple in known for triple in triples), -len(known), known) for known in _folded()
    )
    best = [known for count, _, known in heapq.nlargest(_CANDIDATES, shared) if count]
    near = difflib.get_close_matches(folded, best, n=3, cutoff=0.6)
    return list(dict.fromkeys(_folded()[known] for known in near))


def _families() -> Mapping[str, Family]:
    families = load().families
    return {family.id: family for family in families} | {
        family.family: family for family in families
    }


def _catalogued() -> Mapping[str, tuple[Unit, ...]]:
    return load().datasets


def _folded() -> Mapping[str, str]:
    return _folded_with(tuple(load().datasets))


@cache
def _folded_with(_datasets: tuple[str, ...]) -> Mapping[str, str]:
    """Map case-folded names, and names that benchmarks are known by, to those in the tables."""
    out: dict[str, str] = {}
    for row in table("denied.csv"):
        for known in filter(None, row["names"].split("|")):
            config = "" if "*" in row["config"] else f"/{row['config']}"
            out.setdefault(known.casefold(), row["dataset_path"].rstrip("*").rstrip("/") + config)
    names = [
        *_families(),
        *_catalogued(),
        *_aliases(),
        *load_index().datasets,
        *load_index().entries,
    ]
    return out | {known.casefold(): known for known in names}


@cache
def _aliases() -> Mapping[str, str]:
    return {
        row[
            "dataset_path"
        ]: f"{row['note']}; of these data the catalogue lists {row['of']} only: tasks "
        f"{few([unit.tasks[0] for unit in _catalogued()[row['of']]])}"
        for row in table("aliases.csv")
    }


@cache
def _denied() -> tuple[dict[str, str], ...]:
    return tuple(table("denied.csv"))


@cache
def _denied_rows() -> Mapping[tuple[str, str, str], tuple[tuple[str, int, int, str], ...]]:
    out: dict[tuple[str, str, str], tuple[tuple[str, int, int, str], ...]] = {}
    for row in table("denied_rows.csv"):
        unit = (row["dataset_path"], row["config"], row["split"])
        rule = (row["column"], int(row["first"]), int(row["last"]), row["reason"])
        out[unit] = (*out.get(unit, ()), rule)
    return out


@cache
def _denied_reason(path: str, config: str, split: str) -> str:
    """The first reason in ``denied.csv`` that fits; empty where none does.

    An empty split fits every row.
    """
    for row in _denied():
        if (
            fnmatchcase(path, row["dataset_path"])
            and fnmatchcase(config, row["config"])
            and (not split or fnmatchcase(split, row["split"]))
        ):
            return row["reason"]
    return ""
