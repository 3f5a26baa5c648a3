"""Keeps a run from rows that differ in meaning from what the catalogue expects.

Splits that ``tsdg seeds prefetch`` fetched are compared by their footers, and by what the hub said
of the data set then. What somebody put into the mirror by hand is that person's; of it only class
labels are compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from tsdg.errors import SeedsDeniedError
from tsdg.seeds.catalogue.model import Catalogue, Unit
from tsdg.seeds.mirror import pins
from tsdg.seeds.mirror.cards import read_cards
from tsdg.seeds.mirror.split_files import SplitFile
from tsdg.seeds.probe.differences import SourceDifference, of_split, unaccepted
from tsdg.seeds.probe.looked_at import needed_columns
from tsdg.seeds.probe.outline import outline_of
from tsdg.seeds.probe.probing import card_licence


def mirror_differences(
    catalogue: Catalogue, mirror: Path, splits: Iterable[tuple[Unit, SplitFile]]
) -> list[SourceDifference]:
    """Compare splits of a mirror with what is expected of their units.

    Args:
        catalogue: says what is expected; a user's own units are not in its evidence.
        mirror: the mirror's folder.
        splits: that are there, each with its unit.

    Raises:
        MirrorError: a split cannot be read.
    """
    out: list[SourceDifference] = []
    datasets: dict[str, None] = {}
    for unit, split in splits:
        if unit.name in catalogue.evidence and split.path.suffix == ".parquet":
            out += _of_unit(catalogue, unit, split)
            datasets[unit.dataset_path] = None
    cards = read_cards(mirror)
    for dataset in datasets:
        if dataset in cards:
            out += card_licence(catalogue, dataset, cards[dataset])
    return out


def _of_unit(catalogue: Catalogue, unit: Unit, split: SplitFile) -> Iterator[SourceDifference]:
    fetched = pins.origin_path(split.path).is_file()
    with split.opened() as file:
        outline = outline_of([file])
    needed = needed_columns(catalogue, unit)
    evidence = catalogue.evidence[unit.name]
    for one in of_split(unit.name, evidence, outline, needed=needed, whole=fetched):
        if fetched or one.what == "labels":
            yield one


def require_accepted(differences: Sequence[SourceDifference], accepted: Sequence[str]) -> None:
    """Refuse what differs in meaning and was not accepted.

    Raises:
        SeedsDeniedError: there is some.
    """
    open_ = unaccepted(differences, accepted)
    if not open_:
        return
    first = open_[0]
    more = f", and {len(open_) - 1} more differences" if len(open_) > 1 else ""
    named = ",".join(one.accept for one in open_[:8])
    raise SeedsDeniedError(
        f"{first.where} is not what the catalogue expects: {first.what}: expected "
        f"{first.expected}, found {first.found}: {first.meaning}{more}; `tsdg seeds probe` lists "
        f"all; to use them as they are: 'seeds.accept=[{named}]'"
    )
