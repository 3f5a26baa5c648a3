"""ARC-Challenge in 31 languages, translated by ChatGPT.

lm-eval makes a prompt with English labels of each row.

Hub path ``alexandrainst/m_arc``, one config a language, splits train (about 1,116), val and test
(scored), CC-BY-NC-4.0. A record::

    {"id": "MEA_2016_8_14", "instruction": "Welches Gas atmen Pflanzen ein?",
     "option_a": "Kohlendioxid", "option_b": "Helium", "option_c": "Neon", "option_d": "Argon",
     "option_e": null, "answer": "A"}
"""

from __future__ import annotations

from tsdg.seeds.rows.item import Gold, Item, Row, text
from tsdg.seeds.rows.row_forms import Form, leading, lettered

_OPTIONS = ("option_a", "option_b", "option_c", "option_d", "option_e")


def item(row: Row) -> Item:
    """The question with those options that there are."""
    return Item(question=text(row, "instruction"), options=leading(row, _OPTIONS))


def gold(row: Row, item: Item) -> Gold:
    """The letter."""
    return lettered(row, "answer", item)


FORMS = {"": Form(columns=("instruction", *_OPTIONS, "answer"), item=item, gold=gold)}
