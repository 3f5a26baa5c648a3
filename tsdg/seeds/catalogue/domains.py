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
    for path, config, domain in _lines():
        if fnmatchcase(unit.dataset_path, path) and fnmatchcase(unit.config, config):
            return domain
    return family.domain


@cache
def _lines() -> tuple[tuple[str, str, str], ...]:
    return tuple(
        (row["dataset_path"], row["config"], row["domain"]) for row in table("domains.csv")
    )
