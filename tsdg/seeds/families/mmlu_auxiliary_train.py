"""The auxiliary training set of MMLU: questions of ARC, OpenBookQA, RACE, law exams and more.

No lm-eval task reads it.

Hub path ``cais/mmlu``, config ``all``, split auxiliary_train (99,842; dev, validation and test are
held out), MIT for the collection. The subject is empty, and a passage, where there is one, stands
before the question in one text. A record::

    {"question": "Which of these is a liquid at room temperature?", "subject": "",
     "choices": ["iron", "water", "salt", "oxygen"], "answer": 1}
"""

from __future__ import annotations

from tsdg.seeds.rows.item import Gold, Item, Row, labelled, text, texts
from tsdg.seeds.rows.row_forms import Form


def item(row: Row) -> Item:
    """The question with its options.

    A passage within it cannot be told apart for sure, and stays there.
    """
    return Item(question=text(row, "question"), options=texts(row, "choices"))


def gold(row: Row, item: Item) -> Gold:
    """The answer counts from 0."""
    return labelled(row, "answer", item)


FORMS = {
    "": Form(columns=("question", "choices", "answer"), item=item, gold=gold, subject=("subject",))
}
