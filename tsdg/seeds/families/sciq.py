"""SciQ: science questions written by a crowd, most of them with a paragraph.

In lm-eval's prompt the right answer always stands last.

Hub path ``allenai/sciq``, splits train (11,679), validation and test (scored), CC-BY-NC-3.0. A
record::

    {"question": "What gas do plants take in?", "distractor1": "oxygen", "distractor2": "helium",
     "distractor3": "neon", "correct_answer": "carbon dioxide",
     "support": "Plants take in carbon dioxide ..."}
"""

from __future__ import annotations

from tsdg.seeds.rows.item import Gold, Item, Row, chosen, text
from tsdg.seeds.rows.row_forms import Form, optional

_OPTIONS = ("distractor1", "distractor2", "distractor3", "correct_answer")


def item(row: Row) -> Item:
    """The question; the paragraph, which may be empty, is the context."""
    options = tuple(text(row, column) for column in _OPTIONS)
    return Item(question=text(row, "question"), context=optional(row, "support"), options=options)


def gold(row: Row, item: Item) -> Gold:
    """The last of the source, wherever it is shown."""
    return chosen(item, len(_OPTIONS) - 1, "correct_answer")


# The right answer has a column of its own, so that every order is as good.
FORMS = {"": Form(columns=("question", *_OPTIONS, "support"), item=item, gold=gold, shuffle=True)}
