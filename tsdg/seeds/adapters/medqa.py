"""MedQA: cases of the US medical licensing exam. lm-eval's options are letters.

Hub path ``GBaker/MedQA-USMLE-4-options-hf``, splits train (10,178), validation and test (scored),
CC-BY-4.0 by the card. A record::

    {"id": "train-00001", "sent1": "A child has a barking cough. What is the most likely diagnosis?", "sent2": "",
     "ending0": "Croup", "ending1": "Asthma", "ending2": "Measles", "ending3": "Gout", "label": 0}
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tsdg.seeds.item import Gold, Item, Row, labelled, text

if TYPE_CHECKING:
    from tsdg.seeds.catalogue import Unit

_ENDINGS = ("ending0", "ending1", "ending2", "ending3")


def columns(unit: Unit) -> tuple[str, ...]:
    """Columns that are read."""
    return ("sent1", *_ENDINGS, "label")


def shuffle(unit: Unit) -> bool:
    """The right option stands anywhere."""
    return False


def item(row: Row, unit: Unit) -> Item:
    """The case with the texts of its options."""
    return Item(
        question=text(row, "sent1"), options=tuple(text(row, column) for column in _ENDINGS)
    )


def gold(row: Row, unit: Unit, item: Item) -> Gold:
    """The label counts from 0."""
    return labelled(row, "label", item)
