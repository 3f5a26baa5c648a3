"""Prints a mixture."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

from tsdg.config.mix import MixConfig
from tsdg.errors import shown
from tsdg.mixture.allocate import Allotment
from tsdg.mixture.blends import megatron_path
from tsdg.views.grid import Column, numbers, print_table

_COLUMNS = (
    Column(name="part", left=True),
    Column(name="group", left=True, drop=3),
    *numbers("available", drop=2),
    *numbers("tokens"),
    *numbers("epochs", drop=1),
    *numbers("natural", drop=4),
    *numbers("mixed"),
)


def print_mix(allotments: Sequence[Allotment], config: MixConfig) -> None:
    """Print each part, its tokens and its share."""
    rows = [
        (
            one.part.name,
            one.part.group,
            f"{one.part.tokens:,}",
            f"{one.tokens:,}",
            f"{one.epochs:.2f}",
            _share(one.natural),
            _share(one.share),
        )
        for one in allotments
    ]
    print_table(_COLUMNS, rows, kind="parts")
    for line in short(allotments):
        print(shown(line))
    print(
        f"budget: {config.budget:,} tokens; blend.json, megatron.txt, mix.json and shares.svg are "
        f"in {config.out}"
    )
    if missing := _unpacked(allotments, config.prefix):
        print(
            f"megatron.txt names {missing}, which is not there: `tsdg export RUN --format "
            "megatron-bin out=EXPORT` packs the tasks, and prefix='EXPORT/{name}_text_document' "
            "names them"
        )


def _unpacked(allotments: Sequence[Allotment], prefix: str) -> str:
    """The first path of Megatron's that has no packed tokens; empty where all have."""
    paths = (megatron_path(prefix, one.part) for one in allotments if one.tokens)
    return next((path for path in paths if not Path(f"{path}.idx").is_file()), "")


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


def _share(share: float) -> str:
    """A share that is not nothing is never shown as nothing."""
    return f"{share:.2%}" if not 0 < share < 0.00005 else f"{share:.1e}"
