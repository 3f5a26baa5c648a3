"""MedMCQA: Indian medical entrance exams.

In lm-eval the options are letters.

Hub path ``openlifescienceai/medmcqa``, splits train (182,822), validation (scored) and test (labels
hidden, -1), Apache-2.0. A record::

    {"id": "a1", "question": "Which vitamin does sunlight make in the skin?", "opa": "A",
     "opb": "B12", "opc": "C", "opd": "D", "cop": 3, "choice_type": "single", "exp": "...",
     "subject_name": "Biochemistry", "topic_name": null}
"""

from __future__ import annotations

import re

from tsdg.seeds.rows.item import Gold, Item, Row, labelled, text
from tsdg.seeds.rows.row_forms import Form

_OPTIONS = ("opa", "opb", "opc", "opd")
_DASH = re.compile(r"\s*:?\s*[-–]+\s*$")


def item(row: Row) -> Item:
    """The question with the texts of its options, without the dash before them."""
    question = _DASH.sub("", text(row, "question"))
    return Item(question=question, options=tuple(text(row, column) for column in _OPTIONS))


def gold(row: Row, item: Item) -> Gold:
    """The label counts from 0."""
    return labelled(row, "cop", item)


FORMS = {
    "": Form(
        columns=("question", *_OPTIONS, "cop"),
        item=item,
        gold=gold,
        solution=("exp",),
        subject=("subject_name", "topic_name"),
    )
}
