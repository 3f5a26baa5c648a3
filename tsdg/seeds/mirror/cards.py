"""What the hub said of each data set when it was pinned: ``<mirror>/cards.json``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import orjson

from tsdg.seeds.mirror import pins
from tsdg.seeds.mirror.hub_form import Card


def read_cards(mirror: Path) -> dict[str, Card]:
    """Return what was noted, by data set; nothing where there is no note, or none to be read."""
    try:
        noted = orjson.loads((mirror / "cards.json").read_bytes())
        return {str(dataset): Card(**card) for dataset, card in noted.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def note_card(mirror: Path, dataset: str, card: Card) -> None:
    """Note what the hub says of a data set.

    Raises:
        StorageError: the mirror cannot be written.
    """
    known = {**read_cards(mirror), dataset: card}
    cards = {name: asdict(known[name]) for name in sorted(known)}
    pins.write_json(mirror / "cards.json", cards)
