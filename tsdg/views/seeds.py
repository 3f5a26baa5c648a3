"""``tsdg seeds``: the catalogue, one family with real rows, the guard's verdict on a name."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from tsdg.errors import UsageError, few
from tsdg.records import Seed
from tsdg.seeds.catalogue import guard
from tsdg.seeds.catalogue.evidence import Fact
from tsdg.seeds.catalogue.load import load
from tsdg.seeds.catalogue.model import Unit
from tsdg.seeds.draw.collect import SeedCollector
from tsdg.seeds.draw.selection import by_name, locate
from tsdg.views.family_list import listing
from tsdg.views.grid import Column, numbers, print_table

_COLUMNS = (
    Column(name="group", left=True, drop=3),
    Column(name="family", left=True),
    Column(name="tier", left=True, drop=1),
    *numbers("tasks", drop=4),
    *numbers("units", drop=2),
    *numbers("rows"),
    Column(name="commercial", left=True),
    *numbers("in the mirror"),
    Column(name="licence", left=True, drop=5, least=24),
)
SHOWN = 3
"""Seeds shown of a family."""


def print_list(mirror: str, *, as_json: bool) -> None:
    """Print every family of the catalogue: ``{"families": [...]}`` as JSON, or a table.

    Args:
        mirror: folder of the mirror; empty for none.
        as_json: one JSON object instead of the table.
    """
    families = listing(Path(mirror) if mirror else None)
    if as_json:
        print(json.dumps({"families": families}, indent=1))
        return
    print_table(_COLUMNS, [_cells(family) for family in families])
    for group in ("knowledge", "reasoning"):
        _print_sum(group, [f for f in families if f["group"] == group and f["tier"] in "AB"])
    _print_refused(families)


def _print_refused(families: Sequence[Mapping[str, Any]]) -> None:
    """Print what could not be fetched, by the reason."""
    units: dict[str, list[str]] = {}
    for family in families:
        for name, why in family["not_fetched"].items():
            units.setdefault(why, []).append(name)
    for why, names in units.items():
        print(f"not fetched: {few(names)}: {why}")


def _cells(family: Mapping[str, Any]) -> tuple[str, ...]:
    """A family's row of the table."""
    mirrored = family["mirror"]
    return (
        family["group"],
        family["family"],
        family["tier"],
        str(len(family["tasks"])),
        str(family["units"]),
        f"{family['rows']:,}",
        "yes" if family["commercial_ok"] else "no",
        f"{mirrored['present'] + mirrored['partial']} of {family['units']}",
        family["licence"],
    )


def _print_sum(group: str, families: Sequence[Mapping[str, Any]]) -> None:
    units, rows = (sum(family[key] for family in families) for key in ("units", "rows"))
    print(f"{group}: {len(families)} families, {units:,} units of source, {rows:,} rows")


def print_family(name: str, mirror: str) -> None:
    """Print one family and three of its seeds, of a family's, task's or data set's name.

    Raises:
        UsageError: the guard denies the name.
        MirrorError: a split that is there cannot be read.
    """
    verdict = guard.check(name)
    if not verdict.allowed:
        raise UsageError(f"{name} is denied: {verdict.reason}")
    catalogue = load()
    print(f"{name}: {verdict.reason}")
    here = [unit.tasks[0] for unit in verdict.units if _is_here(unit, mirror)]
    for unit in verdict.units:
        kind, licence = catalogue.answer_kind_of(unit), catalogue.licence_of(unit)
        state = "" if unit.tasks[0] in here else "; not in the mirror"
        facts = f"{unit.rows:,} rows, {kind}, {unit.language}, {licence}"
        print(f"  {unit.name}: {facts}; tasks {', '.join(unit.tasks)}{state}")
    if len(verdict.units) == 1:
        _print_evidence(verdict.units[0])
    else:
        print("name one of the tasks to see what was read about its unit")
    if not here:
        where = mirror or "none: set TSDG_MIRROR"
        print(
            f"no row of it is here (mirror {where}); `tsdg seeds prefetch` fetches rows where "
            "there is internet"
        )
        return
    collector = SeedCollector(by_name(mirror, tuple(here[:1]), SHOWN), seed=0)
    seeds = (item for item in collector if isinstance(item, Seed))
    for seed in itertools.islice(seeds, SHOWN):
        print(f"\n{_plain(seed)}")


def _print_evidence(unit: Unit) -> None:
    """Print what was read about a unit; nothing of a user's own, whose word is the evidence."""
    evidence = load().evidence.get(unit.name)
    if evidence is None:
        return
    for fact in get_args(Fact):
        statements = evidence.statements(fact)
        for one in statements:
            more = f" ({one.remarks})" if one.remarks else ""
            print(f"    {fact}: {one.found}, read in {one.where} on {one.when}{more}")
        if not statements and fact != "labels":
            print(f"    {fact}: nobody has read anything about it")


def print_verdict(name: str, *, as_json: bool) -> bool:
    """Print the guard's verdict on a name; return whether it is allowed."""
    verdict = guard.check(name)
    if as_json:
        values: dict[str, Any] = {
            "name": verdict.name,
            "allowed": verdict.allowed,
            "kind": verdict.kind,
            "reason": verdict.reason,
            "units": [unit.name for unit in verdict.units],
        }
        print(json.dumps(values))
    else:
        print(
            f"{name}: {'allowed' if verdict.allowed else 'denied'} ({verdict.kind}): "
            f"{verdict.reason}"
        )
    return verdict.allowed


def _is_here(unit: Unit, mirror: str) -> bool:
    demo = load().family(unit.family).tier == "demo"
    return (demo or bool(mirror)) and locate(unit.tasks[0], load(), mirror).split.path.is_file()


def _plain(seed: Seed) -> str:
    """A seed as a person reads it."""
    lines = [f"[{seed.task}, row {seed.source.row}]"]
    if seed.context:
        lines.append(f"context: {seed.context}")
    lines.append(f"question: {seed.question}")
    lines += [f"  - {option}" for option in seed.options]
    lines.append(
        f"answer: {seed.answer}" + (f" (also {', '.join(seed.aliases)})" if seed.aliases else "")
    )
    return "\n".join([*lines, *(f"check: {check}" for check in seed.checks)])
