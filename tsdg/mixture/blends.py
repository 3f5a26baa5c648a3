"""Pure: a mixture in the forms that trainers read.

* ``blend.json``: Nemotron's data preparation, ``{"datasets": [{name, path, weight, split, subset,
  text_field}]}``, or ``{"train": [...], "valid": [...], "test": [...]}`` where parts are held out
  (``nemotron/data_prep/blend.py``).
* ``megatron.txt``: Megatron's words ``weight prefix weight prefix ...``. ``--data-args-path`` reads
  the file, and splits it at white space; ``--data-path $(cat megatron.txt)`` takes the words.
* ``megatron.json``: the same words as a list, for a configuration that holds them
  (Megatron-Bridge, NeMo); ``--data-args-path`` would misread it.
* ``megatron-splits.json``: a list per split, for ``--per-split-data-args-path``.
* ``mix.json``: everything, with tokens and epochs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal, localcontext
from typing import Any

from tsdg.errors import UsageError
from tsdg.mixture.allocate import Allotment, round_together
from tsdg.mixture.parts import Part

Files = dict[str, bytes]
PLACES = 9
"""Of a weight; more where that would make a weight 0, which trainers refuse."""


def weights_of(shares: Sequence[float]) -> list[str]:
    """Shares above 0 as decimal numbers above 0 that add up to exactly 1."""
    with localcontext(prec=60):
        exact = [Decimal(repr(share)) for share in shares]
        total = sum(exact, Decimal(0))
        smallest = min(share / total for share in exact)
        places = max(PLACES, 2 - smallest.adjusted())
        unit = 10**places
        whole = round_together([share / total * unit for share in exact], unit)
        return [f"{Decimal(value).scaleb(-places):f}" for value in whole]


def nemotron(splits: Mapping[str, Sequence[tuple[Part, float]]]) -> dict[str, Any]:
    """Nemotron's blend; ``splits`` maps ``train``, ``valid``, ``test`` to parts and shares."""
    listed = {name: _datasets(_taken(parts)) for name, parts in splits.items() if parts}
    return {"datasets": listed["train"]} if set(listed) == {"train"} else listed


def _datasets(parts: Sequence[tuple[Part, float]]) -> list[dict[str, Any]]:
    weights = weights_of([share for _, share in parts])
    return [
        {
            "name": part.name.replace("/", "--"),
            "path": part.path,
            "weight": float(weight),
            "split": None,
            "subset": None,
            "text_field": part.text_field,
        }
        for (part, _), weight in zip(parts, weights, strict=True)
    ]


def _taken(parts: Sequence[tuple[Part, float]]) -> list[tuple[Part, float]]:
    """The parts that are taken: a trainer refuses a weight of 0."""
    return [(part, share) for part, share in parts if share > 0]


def megatron_path(prefix: str, part: Part) -> str:
    """Where Megatron looks for a part's packed tokens, without ``.bin`` and ``.idx``."""
    return prefix.format(name=part.name.replace("/", "--"))


def megatron(parts: Sequence[tuple[Part, float]], prefix: str) -> list[str]:
    """Megatron's weighted list, without empty parts.

    Raises:
        UsageError: a path has white space, at which Megatron would split it.
    """
    taken = _taken(parts)
    weights = weights_of([share for _, share in taken])
    paths = [megatron_path(prefix, part) for part, _ in taken]
    for path in paths:
        if len(path.split()) != 1:
            raise UsageError(
                f"Megatron splits its list of paths at white space, and {path!r} has some; choose "
                "another folder (prefix= of `tsdg mix`, out= of `tsdg export`)"
            )
    return [word for pair in zip(weights, paths, strict=True) for word in pair]


def megatron_files(splits: Mapping[str, Sequence[tuple[Part, float]]], prefix: str) -> Files:
    """Megatron's three forms of one blend: file name → content.

    Raises:
        UsageError: a path has white space.
    """
    lists = {key: megatron(members, prefix) if members else None for key, members in splits.items()}
    words = lists["train"] or []
    return {
        "megatron.txt": f"{' '.join(words)}\n".encode(),
        "megatron.json": as_json(words),
        "megatron-splits.json": as_json(lists),
    }


def as_json(value: object) -> bytes:
    """The bytes of a JSON file."""
    return (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode()


def record(allotments: Sequence[Allotment], config: Mapping[str, Any]) -> dict[str, Any]:
    """The whole mixture, with the configuration that made it."""
    return {
        "config": dict(config),
        "parts": [
            {
                "name": one.part.name,
                "group": one.part.group,
                "path": one.part.path,
                "available_tokens": one.part.tokens,
                "tokens": one.tokens,
                "epochs": one.epochs,
                "share": one.share,
                "natural_share": one.natural,
            }
            for one in allotments
        ],
    }


def plot(allotments: Sequence[Allotment]) -> str:
    """An SVG of two bars per part, its natural and its mixed share, in the order given."""
    row, left, width = 34, 220, 480
    most = max(max(one.share, one.natural) for one in allotments)
    height = row * len(allotments) + 50
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {left + width + 80} {height}" '
        'font-family="system-ui, sans-serif" font-size="12">',
        "<style>text{fill:#333}@media(prefers-color-scheme:dark){text{fill:#ddd}}</style>",
        (
            f'<rect x="{left}" y="10" width="12" height="10" fill="#9aa5b1"/><text x="{left + 18}" '
            'y="19">natural</text>'
        ),
        f'<rect x="{left + 90}" y="10" width="12" height="10" fill="#2f6fde"/>'
        f'<text x="{left + 108}" y="19">mixed</text>',
    ]
    for number, one in enumerate(allotments):
        top = 34 + number * row
        lines.append(
            f'<text x="{left - 8}" y="{top + 17}" '
            f'text-anchor="end">{_escaped(one.part.name)}</text>'
        )
        for offset, share, colour in ((0, one.natural, "#9aa5b1"), (12, one.share, "#2f6fde")):
            long = width * share / most
            lines.append(
                f'<rect x="{left}" y="{top + offset}" width="{long:.1f}" height="10" '
                f'fill="{colour}"/>'
                f'<text x="{left + long + 5:.1f}" y="{top + offset + 9}" '
                f'font-size="10">{share:.1%}</text>'
            )
    return "\n".join([*lines, "</svg>", ""])


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")
