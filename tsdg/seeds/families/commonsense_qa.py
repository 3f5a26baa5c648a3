"""CommonsenseQA: questions whose five options are neighbours of one concept.

In lm-eval the options are letters.

Hub path ``tau/commonsense_qa``, splits train (9,741), validation (scored) and test (labels hidden),
MIT. A record::

    {"id": "a1", "question": "Where does one hang a wet coat?", "question_concept": "coat",
     "answerKey": "B", "choices": {"label": ["A", "B", "C", "D", "E"], "text": ["oven", "hook",
     "book", "lake", "drawer"]}}
"""

from __future__ import annotations

from tsdg.seeds.rows.item import Gold, Item, Row
from tsdg.seeds.rows.row_forms import Form, chosen_label, labelled_choices


def item(row: Row) -> Item:
    """The question with the texts of its options."""
    return labelled_choices(row, "question", "choices")


def gold(row: Row, item: Item) -> Gold:
    """The letter."""
    return chosen_label(row, "answerKey", "choices", item)


FORMS = {
    "": Form(
        columns=("question", "choices", "answerKey"),
        item=item,
        gold=gold,
        subject=("question_concept",),
    )
}
