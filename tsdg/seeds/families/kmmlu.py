"""KMMLU: Korean professional exams with four options.

In lm-eval the options are letters.

Hub path ``HAERAE-HUB/KMMLU``, 45 configs by subject, splits train, dev and test (scored),
CC-BY-ND-4.0. A record::

    {"question": "물의 화학식은?", "answer": 1, "A": "H2O", "B": "CO2", "C": "O2", "D": "NaCl",
     "Category": "Chemistry", "Human Accuracy": 0.9}

Of the rows of four subjects, a fifth has 0 as accuracy, where nobody has counted.
"""

from __future__ import annotations

from tsdg.seeds.rows.item import Gold, Item, Row, chosen, integer, noted, text
from tsdg.seeds.rows.row_forms import Form

_OPTIONS = ("A", "B", "C", "D")


def item(row: Row) -> Item:
    """The question with the texts of its options."""
    return Item(
        question=text(row, "question"),
        options=tuple(text(row, letter) for letter in _OPTIONS),
        level=_level(row),
    )


def _level(row: Row) -> str:
    """How many of those who sat the exam were right; empty where nobody has counted."""
    said = noted(row, ("Human Accuracy",))
    return "" if said.split()[-1:] in (["0"], ["0.0"]) else said


def gold(row: Row, item: Item) -> Gold:
    """The answer counts from 1."""
    return chosen(item, integer(row, "answer") - 1, "answer")


FORMS = {
    "": Form(
        columns=("question", *_OPTIONS, "answer"),
        item=item,
        gold=gold,
        subject=("Category",),
    )
}
