"""Where recipes lie, and which files a group has; imports nothing slow."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tsdg.installation import packaged

PRIMARY = "config"
_OF_COMMANDS = frozenset({"compare", "eval", "mix"})
"""Folders with the defaults of these commands, which no recipe chooses from."""


def recipes_dir() -> Path:
    """The folder of tsdg's own recipes."""
    return packaged("recipes")


def groups_of(folders: Sequence[Path]) -> dict[str, list[str]]:
    """The groups of a recipe, and the names that each may have, both sorted.

    Args:
        folders: that hold groups; folders that are not there count as empty.
    """
    found: dict[str, set[str]] = {}
    for file in (file for folder in folders for file in folder.glob("*/*.yaml")):
        found.setdefault(file.parent.name, set()).add(file.stem)
    known = {folder.name for folder in recipes_dir().iterdir() if folder.is_dir()}
    return {group: sorted(found[group]) for group in sorted(found.keys() & known - _OF_COMMANDS)}
