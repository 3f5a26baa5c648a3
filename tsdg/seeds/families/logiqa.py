"""LogiQA: Chinese civil service questions on short texts, in English.

lm-eval lists the options in the question.

Hub path ``EleutherAI/logiqa``, splits train (7,376), validation and test (scored), no licence
stated. A record::

    {"label": "b", "context": "All owls are birds. No bird is a fish.",
     "question": "Which of these follows?", "options": ["Some owls are fish.", "No owl is a fish.",
     "All birds are owls.", "No fish swims."]}
"""

from __future__ import annotations

from tsdg.seeds.rows.item import Gold, Item, Row, text, texts
from tsdg.seeds.rows.row_forms import Form, lettered


def item(row: Row) -> Item:
    """The question on the text."""
    return Item(
        question=text(row, "question"), context=text(row, "context"), options=texts(row, "options")
    )


def gold(row: Row, item: Item) -> Gold:
    """The letter."""
    return lettered(row, "label", item)


FORMS = {"": Form(columns=("context", "question", "options", "label"), item=item, gold=gold)}
