"""Which tasks a request means, which of them it may not use, and where their rows are.

``seeds.tasks`` names tasks, ``seeds.families`` all units of source of families, ``seeds.groups``
the 39 + 34 families of the groups; the union is used, once per unit of source for what families and
groups add. A task that was named and may not be used is an error; one that a family or a group only
brought along is left out, with the reason.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tsdg.config.recipe import LeaksConfig, SeedsConfig, SharesConfig
from tsdg.errors import MirrorError, SeedsDeniedError, few
from tsdg.seeds.catalogue import guard
from tsdg.seeds.catalogue.domains import domain_of
from tsdg.seeds.catalogue.load import load
from tsdg.seeds.catalogue.model import Catalogue, Commercial, Family, Unit
from tsdg.seeds.draw.quota_dealing import Stock
from tsdg.seeds.families import renderers
from tsdg.seeds.mirror.split_files import SplitFile, split_file

if TYPE_CHECKING:
    from collections.abc import Mapping

LICENCES: Mapping[str, frozenset[Commercial]] = {
    "any": frozenset({"yes", "share_alike", "no", "unclear"}),
    "commercial": frozenset({"yes", "share_alike"}),
    "permissive": frozenset({"yes"}),
}
"""``seeds.licences`` → what the catalogue may say of a unit's commercial use; ``unclear`` counts as
no."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A task that a family or group would have brought, and that is not used."""

    task: str
    family: str
    group: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The tasks of a request."""

    tasks: tuple[str, ...]
    """Named tasks first, then those of families, then those of groups, in the catalogue's order."""
    left_out: tuple[LeftOut, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSource:
    """Where the rows of one task come from."""

    task: str
    family: Family
    unit: Unit
    split: SplitFile

    def revision(self) -> str:
        """The revision of the split; empty where it is missing and was skipped."""
        there = self.split.revision or self.split.path.is_file()
        return self.split.fingerprint() if there else ""

    def pinned(self, revisions: Mapping[str, str]) -> TaskSource:
        """The same, held to the revision that its split's name has in ``revisions``.

        Else, or where that cannot be had any more, to its present one.

        Raises:
            MirrorError: the split cannot be read.
        """
        before = revisions.get(self.split.name, "")
        wanted = before if before and self.split.has(before) else ""
        return replace(self, split=self.split.pinned(wanted))

    def stock(self, rows: int) -> Stock:
        """The task as the sampling sees it, with so many rows."""
        return Stock(
            task=self.task,
            family=self.family.family,
            group=self.family.group,
            domain=domain_of(self.family, self.unit),
            language=self.unit.language,
            rows=rows,
        )

    def catalogue_row(self) -> dict[str, Any]:
        """The catalogue's row of this task's unit; what it leaves out comes from its family."""
        return {
            **self.unit.model_dump(),
            "task": self.task,
            "group": self.family.group,
            "licence": self.family.licence_of(self.unit),
            "commercial": self.family.commercial_of(self.unit),
            "revision": self.revision(),
            "reader": self.reader(),
        }

    def reader(self) -> str:
        """A hash of the files that say how rows of the unit are read."""
        total = hashlib.sha256()
        for file in renderers.source_files(self.family, self.unit):
            total.update(file.read_bytes())
        return f"sha256:{total.hexdigest()[:24]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Located:
    """A selection with its files."""

    there: tuple[TaskSource, ...]
    missing: tuple[TaskSource, ...]
    """Tasks whose split the mirror lacks."""
    left_out: tuple[LeftOut, ...]

    def pinned(self, revisions: Mapping[str, str]) -> Located:
        """The same, with each split that is there held, as :meth:`TaskSource.pinned` does."""
        return replace(self, there=tuple(source.pinned(revisions) for source in self.there))


def by_name(mirror: str, tasks: tuple[str, ...], cap_per_task: int) -> SeedsConfig:
    """Make a request for tasks by their names, without further wishes."""
    return SeedsConfig(
        mirror=mirror,
        tasks=tasks,
        families=(),
        groups=(),
        tier_b=False,
        licences="any",
        cap_per_task=cap_per_task,
        cap_per_family=0,
        cap_per_group=0,
        total=0,
        mix="proportional",
        temperature=1.0,
        shares=SharesConfig(domain={}, language={}),
        leaks=LeaksConfig(ngram=8, overlap=0.8),
        exclude=(),
        accept=(),
        missing="error",
        workers="auto",
    )


def select(config: SeedsConfig) -> Selection:
    """Find the tasks of a request, from the catalogue alone.

    Raises:
        SeedsDeniedError: a task or family was named that may not be used; or nothing is left to
            use.
    """
    catalogue = load()
    guard.require_allowed(config.tasks, tier_b=config.tier_b)
    tasks: dict[str, None] = dict.fromkeys(config.tasks)
    for task in tasks:
        _require_licence(task, config, catalogue)
    left_out: dict[str, LeftOut] = {}
    named = {unit for task in tasks if (unit := catalogue.unit_of_task(task)) is not None}
    for family in _families(config, catalogue):
        units = [unit for unit in catalogue.units_of_family(family.family) if unit not in named]
        for unit, reason in _brought(family, units, config, catalogue):
            name = unit.tasks[0]
            if reason:
                left_out[name] = LeftOut(
                    task=name, family=family.family, group=family.group, reason=reason
                )
            else:
                tasks[name] = None
    if not tasks:
        raise SeedsDeniedError(
            f"seeds: nothing is left to use of {', '.join([*config.families, *config.groups])}: "
            f"{len(left_out)} tasks "
            f"are left out, the first {next(iter(left_out.values())).reason}"
        )
    return Selection(tasks=tuple(tasks), left_out=tuple(left_out.values()))


def _require_licence(task: str, config: SeedsConfig, catalogue: Catalogue) -> None:
    unit = catalogue.unit_of_task(task)
    if unit is not None and (reason := _unlicensed(unit, config, catalogue)):
        raise SeedsDeniedError(
            f"seeds.tasks: {task} may not be used: {reason}; take it out or change seeds.licences"
        )


def _brought(
    family: Family, units: list[Unit], config: SeedsConfig, catalogue: Catalogue
) -> list[tuple[Unit, str]]:
    """The units that a family brings, each with why it may not be used (empty where it may).

    Raises:
        SeedsDeniedError: the family was named, and none of its units may be used.
    """
    judged = [(unit, _refused(unit, config, catalogue)) for unit in units]
    if judged and family.family in config.families and all(reason for _, reason in judged):
        raise SeedsDeniedError(f"seeds.families: {family.family} may not be used: {judged[0][1]}")
    return judged


def _families(config: SeedsConfig, catalogue: Catalogue) -> Iterator[Family]:
    for name in dict.fromkeys(config.families):
        if not catalogue.has_family(name):
            verdict = guard.check(name, tier_b=config.tier_b)
            raise SeedsDeniedError(
                f"seeds.families: {name!r} is no family of the catalogue: {verdict.reason}"
            )
        yield catalogue.family(name)
    for family in catalogue.families:
        # The 39 + 34: what no lm-eval task reads (tier extra) and tsdg's own demo are in no group.
        if (
            family.group in config.groups
            and family.tier in ("A", "B")
            and family.family not in config.families
        ):
            yield family


def _refused(unit: Unit, config: SeedsConfig, catalogue: Catalogue) -> str:
    """Why a unit that nobody named may not be used; empty where it may."""
    if catalogue.family(unit.family).tier == "B" and not config.tier_b:
        return "tier B, off by default: seeds.tier_b=true takes it"
    if unit.part_of:
        return f"a smaller size of {unit.part_of}"
    return _unlicensed(unit, config, catalogue)


def _unlicensed(unit: Unit, config: SeedsConfig, catalogue: Catalogue) -> str:
    commercial = catalogue.commercial_of(unit)
    if commercial in LICENCES[config.licences]:
        return ""
    licence = catalogue.licence_of(unit)
    return f"seeds.licences={config.licences}: {licence} (commercial use: {commercial})"


def locate(task: str, catalogue: Catalogue, mirror: str) -> TaskSource:
    """Find the split of a task: in the demo's own data, or in the mirror.

    Where the task's unit is not in the mirror, a smaller size of the same training set may stand
    in: a unit that the catalogue proves and calls a part of it (``winogrande_l`` of
    ``winogrande_xl``). Every seed says in ``source.config`` which it came from.

    Args:
        task: an allowed task.
        catalogue: the catalogue.
        mirror: the mirror's folder; "" for none, where no split is there but those of the demo.

    Raises:
        SeedsDeniedError: the task is not in the catalogue.
    """
    unit = catalogue.unit_of_task(task)
    if unit is None:
        raise SeedsDeniedError(
            f"seeds.tasks: {task} is not in the catalogue; `tsdg seeds list` shows what is"
        )
    family = catalogue.family(unit.family)
    if family.tier == "demo":
        return TaskSource(
            task=task, family=family, unit=unit, split=_split(renderers.DEMO / "data", unit)
        )
    root = Path(mirror) if mirror else NOWHERE
    found = [
        TaskSource(task=task, family=family, unit=size, split=_split(root, size))
        for size in (unit, *_smaller(unit, catalogue))
    ]
    return next((source for source in found if source.split.path.is_file()), found[0])


def _smaller(unit: Unit, catalogue: Catalogue) -> list[Unit]:
    """Units that are smaller sizes of a unit."""
    whole = (unit.dataset_path, unit.config)
    return [
        other
        for other in catalogue.units_of_family(unit.family)
        if other.part_of and (other.dataset_path, other.part_of) == whole
    ]


NOWHERE = Path("/dev/null")
"""The mirror where there is none: no file is below it."""


def _split(root: Path, unit: Unit) -> SplitFile:
    return split_file(root, unit.dataset_path, unit.config, unit.split)


def survey(config: SeedsConfig) -> Located:
    """Find the splits of a request, whether the mirror has them or not.

    Raises:
        SeedsDeniedError: a task may not be used.
        MirrorError: a mirror is named and is not a folder.
    """
    selection = select(config)
    if config.mirror and not Path(config.mirror).is_dir():
        raise MirrorError(
            f"seeds.mirror: no folder {config.mirror}; name a mirror's folder (or set "
            "TSDG_MIRROR); "
            "`tsdg seeds prefetch` fills one"
        )
    wanted = [locate(task, load(), config.mirror) for task in selection.tasks]
    return Located(
        there=tuple(source for source in wanted if source.split.path.is_file()),
        missing=tuple(source for source in wanted if not source.split.path.is_file()),
        left_out=selection.left_out,
    )


def sources(config: SeedsConfig) -> Located:
    """Find the splits of a request.

    Returns:
        Those that are there and those that are not, in the order of the selection.

    Raises:
        SeedsDeniedError: a task may not be used.
        MirrorError: the mirror is missing; or splits are, and ``config.missing`` is ``error``, or
            none is left.
    """
    located = survey(config)
    missing, count = located.missing, len(located.there) + len(located.missing)
    if missing and not config.mirror:
        raise MirrorError(
            f"seeds.mirror: empty, but task {missing[0].task} needs the split "
            f"{missing[0].split.name}; name a mirror's "
            "folder (or set TSDG_MIRROR); `tsdg seeds prefetch` fills one"
        )
    if missing and (config.missing == "error" or not located.there):
        listed = few([f"{source.split.name} (task {source.task})" for source in missing], 8)
        instead = ", or take what is there with seeds.missing=skip" if located.there else ""
        raise MirrorError(
            f"seeds.mirror: {len(missing)} of {count} splits are missing in {config.mirror}: "
            f"{listed}; fetch "
            f"them with `tsdg seeds prefetch`{instead}"
        )
    return located
