"""MedQA: cases of the US medical licensing exam.

In lm-eval the options are letters.

Hub path ``GBaker/MedQA-USMLE-4-options-hf``, splits train (10,178), validation and test (scored),
CC-BY-SA-4.0 by the card. A record::

    {"id": "train-00001",
     "sent1": "A child has a barking cough. What is the most likely diagnosis?", "sent2": "",
     "ending0": "Croup", "ending1": "Asthma", "ending2": "Measles", "ending3": "Gout", "label": 0}
"""

from __future__ import annotations

from tsdg.seeds.rows.item import Gold, Item, Row, labelled, text
from tsdg.seeds.rows.row_forms import Form

_ENDINGS = ("ending0", "ending1", "ending2", "ending3")


def item(row: Row) -> Item:
    """The case with the texts of its options."""
    return Item(
        question=text(row, "sent1"), options=tuple(text(row, column) for column in _ENDINGS)
    )


def gold(row: Row, item: Item) -> Gold:
    """The label counts from 0."""
    return labelled(row, "label", item)


FORMS = {"": Form(columns=("sent1", *_ENDINGS, "label"), item=item, gold=gold)}
