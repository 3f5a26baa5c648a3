"""Writes and reads the kin of a run's seeds: ``seeds/kin.parquet``."""

from __future__ import annotations

from pathlib import Path

from tsdg.config.recipe import Recipe
from tsdg.generate.kin import KinDraw, KinSets
from tsdg.layout import KIN
from tsdg.records import KIN_SCHEMA, Kin
from tsdg.tables import Table, read_rows

_GROUP_ROWS = 10_000


def write_kin(draw: KinDraw, directory: Path) -> None:
    """Write the kin that were drawn from a run's seeds."""
    with Table(directory / KIN, KIN_SCHEMA, group_rows=_GROUP_ROWS) as table:
        for kin in draw.drawn():
            table.add(kin)


def read_kin(recipe: Recipe, directory: Path) -> KinSets | None:
    """Read the kin of a run; None where its recipe shows none.

    Raises:
        VerificationFailed: they are missing or damaged.
    """
    if not recipe.questions.kin.items:
        return None
    return KinSets(read_rows(directory / KIN, Kin), seed=recipe.seed)
