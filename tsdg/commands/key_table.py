"""The keys of recipes and of commands, from ``keys.csv``; imports nothing slow.

The table is written by ``make reference`` from the typed models, so that the help and completion
need not import them.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

TABLE = Path(__file__).with_name("keys.csv")
NAME = "NAME"
"""Stands in a key for any name of a mapping."""
RECIPE = "recipe"
"""The configuration that most commands take; the others are named as their commands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRow:
    """One key."""

    of: str
    """The configuration that has it: ``recipe``, or a command."""
    name: str
    """With dots; ``NAME`` for any name of a mapping, ``[]`` for any entry of a list."""
    allowed: str
    default: str
    """Empty where there is none."""
    values: tuple[str, ...]
    """Words that it may be; of a mapping, its names."""
    comment: str

    @property
    def is_mapping(self) -> bool:
        """Whether its value has names of its own."""
        return self.allowed.startswith("a mapping")

    @property
    def has_keys(self) -> bool:
        """Whether each value of the mapping has keys of its own."""
        return self.allowed.startswith("a mapping {NAME: {")

    @property
    def told(self) -> str:
        """Its comment, what it allows, and its default, in one line."""
        default = f"; default {self.default}" if self.default else ""
        return f"{self.comment} Allowed: {self.allowed}{default}."


def keys_of(configuration: str) -> list[KeyRow]:
    """The keys of a configuration, in the order of its groups."""
    return [row for row in _rows() if row.of == configuration]


def matching(pattern: str) -> list[KeyRow]:
    """The keys that a pattern names: first those of recipes, then those of single commands.

    Args:
        pattern: a part of the key in any case, or with ``*`` and ``?`` all of it; a word that no
            key has is looked for in the comments. Empty for all keys.
    """
    wanted, rows = pattern.lower(), _rows()
    if set("*?") & set(wanted):
        return [row for row in rows if fnmatchcase(row.name.lower(), wanted)]
    named = [row for row in rows if wanted in row.name.lower()]
    return named or [row for row in rows if wanted in row.comment.lower()]


@cache
def _rows() -> tuple[KeyRow, ...]:
    with TABLE.open(encoding="utf-8", newline="") as file:
        return tuple(
            KeyRow(
                of=row["of"],
                name=row["name"],
                allowed=row["allowed"],
                default=row["default"],
                values=tuple(row["values"].split()),
                comment=row["comment"],
            )
            for row in csv.DictReader(file)
        )
