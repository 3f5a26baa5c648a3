"""What a unit is about: ``data/domains.csv``, or else its family's domain.

Families that a benchmark put together by language or by kind hold units of many domains: news,
sentiment, inference, commonsense.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import cache
from typing import TYPE_CHECKING

from tsdg.seeds.catalogue.tables import table

if TYPE_CHECKING:
    from tsdg.seeds.catalogue.model import Family, Unit


def domain_of(family: Family, unit: Unit) -> str:
    """Return the domain of a unit: the first line that fits it, or its family's."""
    return _listed(unit.dataset_path, unit.config) or family.domain


@cache
def _listed(dataset_path: str, config: str) -> str:
    """The domain of the first line that fits; empty where none does."""
    return next(
        (
            row["domain"]
            for row in table("domains.csv")
            if fnmatchcase(dataset_path, row["dataset_path"]) and fnmatchcase(config, row["config"])
        ),
        "",
    )
