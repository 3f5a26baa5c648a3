"""Mastermind: the secret code that is left by guesses and their marks.

lm-eval's prompt ends in an open sentence.

Hub paths ``flair/mastermind_24_mcq_close`` and ``_random``, ``_35_`` and ``_46_`` (places and
colours), splits train (26,019 to 30,850), validation and test (scored), no licence stated. A
record::

    {"id": 1, "instruction": "... a code of 2 out of 4 colours ... Guess 1: red green ...",
     "answerKey": "B", "options": {"label": ["A", "B", "C", "D"], "text": ["red red", "red blue",
     "green red", "blue blue"]}}
"""

from __future__ import annotations

from tsdg.seeds.rows.item import Gold, Item, Row
from tsdg.seeds.rows.row_forms import Form, chosen_label, labelled_choices


def item(row: Row) -> Item:
    """The game so far is the context."""
    choices = labelled_choices(row, "instruction", "options")
    return Item(
        question="Which code is the secret one?", context=choices.question, options=choices.options
    )


def gold(row: Row, item: Item) -> Gold:
    """The letter."""
    return chosen_label(row, "answerKey", "options", item)


FORMS = {
    "": Form(columns=("instruction", "options", "answerKey"), item=item, gold=gold, verbatim=True)
}
