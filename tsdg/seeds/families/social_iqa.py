"""Social IQa: what people in small scenes feel, want and do next.

lm-eval puts scene and question into one text.

Hub path ``lighteval/siqa``, splits train (33,410) and validation (scored), CC-BY-4.0 by the
project's page. A record::

    {"context": "Ann gave Bo her umbrella.", "question": "How would Bo feel?",
     "answerA": "grateful", "answerB": "hungry", "answerC": "betrayed", "label": "1"}
"""

from __future__ import annotations

from tsdg.seeds.rows.item import Gold, Item, Row, chosen, integer, text
from tsdg.seeds.rows.row_forms import Form

_ANSWERS = ("answerA", "answerB", "answerC")


def item(row: Row) -> Item:
    """The question on the scene."""
    options = tuple(text(row, column) for column in _ANSWERS)
    return Item(question=text(row, "question"), context=text(row, "context"), options=options)


def gold(row: Row, item: Item) -> Gold:
    """The label counts from 1."""
    return chosen(item, integer(row, "label") - 1, "label")


FORMS = {"": Form(columns=("context", "question", *_ANSWERS, "label"), item=item, gold=gold)}
