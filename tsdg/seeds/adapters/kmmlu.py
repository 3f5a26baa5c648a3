"""KMMLU: Korean professional exams, four options. lm-eval's options are letters.

Hub path ``HAERAE-HUB/KMMLU``, 45 configs by subject, splits train, dev and test (scored),
CC-BY-ND-4.0. A record::

    {"question": "물의 화학식은?", "answer": 1, "A": "H2O", "B": "CO2", "C": "O2", "D": "NaCl", "Category": "Chemistry",
     "Human Accuracy": 0.9}
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tsdg.seeds.item import Gold, Item, Row, chosen, integer, text

if TYPE_CHECKING:
    from tsdg.seeds.catalogue import Unit

_OPTIONS = ("A", "B", "C", "D")


def columns(unit: Unit) -> tuple[str, ...]:
    """Columns that are read."""
    return ("question", *_OPTIONS, "answer")


def shuffle(unit: Unit) -> bool:
    """The right option stands anywhere."""
    return False


def item(row: Row, unit: Unit) -> Item:
    """The question with the texts of its options."""
    return Item(
        question=text(row, "question"), options=tuple(text(row, letter) for letter in _OPTIONS)
    )


def gold(row: Row, unit: Unit, item: Item) -> Gold:
    """The answer counts from 1."""
    return chosen(item, integer(row, "answer") - 1, "answer")
