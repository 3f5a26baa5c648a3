"""The primer of TruthfulQA's prompt in five languages, six questions each.

lm-eval has it as text with the labels of a prompt.

Hub path ``HiTZ/truthfulqa-multi``, configs ``ca en es eu gl``, splits train (6, shown before each
scored question) and validation (scored), Apache-2.0. A record::

    {"type": "", "category": "Misc", "question": "How many moons has the Earth?",
     "best_answer": "One.", "correct_answers": ["One.", "It has one."],
     "incorrect_answers": ["Two.", "None."], "source": "...", "lang": "en"}
"""

from __future__ import annotations

from tsdg.seeds.rows.item import Gold, Item, Row, chosen, text, texts
from tsdg.seeds.rows.row_forms import Form


def item(row: Row) -> Item:
    """The question; the options are the best answer and the wrong ones."""
    options = dict.fromkeys([text(row, "best_answer"), *texts(row, "incorrect_answers")])
    return Item(question=text(row, "question"), options=tuple(options))


def gold(row: Row, item: Item) -> Gold:
    """The best answer, the first of the source."""
    return chosen(item, 0, "best_answer")


# The right answer has a column of its own, so that every order is as good.
FORMS = {
    "": Form(
        columns=("question", "best_answer", "incorrect_answers"),
        item=item,
        gold=gold,
        shuffle=True,
        subject=("category",),
    )
}
