"""ARC-Challenge in 31 languages, translated by ChatGPT. lm-eval's code makes a prompt with English
labels of it.

Hub path ``alexandrainst/m_arc``, one config a language, splits train (about 1,116), val and test
(scored), CC-BY-NC-4.0. A record::

    {"id": "MEA_2016_8_14", "instruction": "Welches Gas atmen Pflanzen ein?", "option_a": "Kohlendioxid",
     "option_b": "Helium", "option_c": "Neon", "option_d": "Argon", "option_e": null, "answer": "A"}
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tsdg.seeds.forms import leading, lettered
from tsdg.seeds.item import Gold, Item, Row, text

if TYPE_CHECKING:
    from tsdg.seeds.catalogue import Unit

_OPTIONS = ("option_a", "option_b", "option_c", "option_d", "option_e")


def columns(unit: Unit) -> tuple[str, ...]:
    """Columns that are read."""
    return ("instruction", *_OPTIONS, "answer")


def shuffle(unit: Unit) -> bool:
    """The right option stands anywhere."""
    return False


def item(row: Row, unit: Unit) -> Item:
    """The question with those options that there are."""
    return Item(question=text(row, "instruction"), options=leading(row, _OPTIONS))


def gold(row: Row, unit: Unit, item: Item) -> Gold:
    """The letter."""
    return lettered(row, "answer", item)
