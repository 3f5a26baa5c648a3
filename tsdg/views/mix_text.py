"""Prints a mixture."""

from __future__ import annotations

from collections.abc import Sequence

from tsdg.config.mix import MixConfig
from tsdg.mixture.allocate import Allotment


def print_mix(allotments: Sequence[Allotment], config: MixConfig) -> None:
    """Print each part, its tokens and its share."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for column in ("part", "group", "available", "tokens", "epochs", "natural", "mixed"):
        table.add_column(
            column, justify="left" if column in ("part", "group") else "right", overflow="fold"
        )
    for one in allotments:
        table.add_row(
            one.part.name,
            one.part.group,
            f"{one.part.tokens:,}",
            f"{one.tokens:,}",
            f"{one.epochs:.2f}",
            f"{one.natural:.2%}",
            f"{one.share:.2%}",
        )
    Console().print(table)
    print(
        f"budget: {config.budget:,} tokens; blend.json, megatron.json, mix.json and shares.svg are "
        f"in {config.out}"
    )
