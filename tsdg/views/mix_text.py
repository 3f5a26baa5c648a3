"""Prints a mixture."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

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
    for line in short(allotments):
        print(line)
    print(
        f"budget: {config.budget:,} tokens; blend.json, megatron.txt, mix.json and shares.svg are "
        f"in {config.out}"
    )


def short(allotments: Sequence[Allotment]) -> Iterator[str]:
    """One line for each task that is read more than once, and what would give it enough."""
    for one in allotments:
        part = one.part
        if part.run and one.tokens > part.tokens:
            wanted = math.ceil(part.records * one.epochs)
            yield (
                f"{part.name}: the mixture wants {one.tokens:,} tokens, there are {part.tokens:,}; "
                f"`tsdg topup {part.run} records.{part.task}={wanted}` makes about as many"
            )
