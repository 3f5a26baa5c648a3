"""KorMedMCQA: Korean licensing exams of doctors, nurses, pharmacists and dentists.

In lm-eval the answers are letters.

Hub path ``sean0042/KorMedMCQA``, configs ``doctor nurse pharm dentist``, splits train, dev, fewshot
and test (scored), CC-BY-NC-2.0. A record::

    {"subject": "doctor", "year": 2012, "period": 1, "q_number": 3,
     "question": "정상 성인의 체온은?", "A": "30도", "B": "33도", "C": "36.5도", "D": "40도",
     "E": "42도", "answer": 3, "cot": ""}
"""

from __future__ import annotations

from tsdg.seeds.rows.item import Gold, Item, Row, chosen, integer, text
from tsdg.seeds.rows.row_forms import Form, leading

_OPTIONS = ("A", "B", "C", "D", "E")


def item(row: Row) -> Item:
    """The question with the texts of its options."""
    return Item(question=text(row, "question"), options=leading(row, _OPTIONS))


def gold(row: Row, item: Item) -> Gold:
    """The answer counts from 1."""
    return chosen(item, integer(row, "answer") - 1, "answer")


FORMS = {
    "": Form(
        columns=("question", *_OPTIONS, "answer"),
        item=item,
        gold=gold,
        solution=("cot",),
        subject=("subject", "year"),
    )
}
