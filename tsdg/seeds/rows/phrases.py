"""Questions and class names in a language, for rows that hold only texts and labels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import yaml


@dataclass(frozen=True, slots=True, kw_only=True)
class Phrase:
    """How one config or language of a family asks."""

    question: str
    """May hold ``{}`` places for texts of the row."""
    options: tuple[str, ...]
    """Class names in the order of the labels; empty where the row has its own options."""


@cache
def phrase(family: str, key: str) -> Phrase:
    """Return the wording of a family's config or language.

    Raises:
        KeyError: ``data/phrases.yaml`` has none.
    """
    entry = _table()[family][key]
    return Phrase(question=entry["question"], options=tuple(entry.get("options", ())))


def wordings(family: str) -> tuple[str, ...]:
    """Return the configs or languages in which a family asks.

    Raises:
        KeyError: ``data/phrases.yaml`` does not have the family.
    """
    return tuple(_table()[family])


@cache
def _table() -> dict[str, Any]:
    table: dict[str, Any] = yaml.safe_load(
        (resources.files("tsdg.seeds.rows") / "data/phrases.yaml").read_text("utf-8")
    )
    return table
