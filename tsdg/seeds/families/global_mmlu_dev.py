"""Global MMLU: the few-shot exemplars of MMLU in 42 languages.

In lm-eval the options are letters.

Hub path ``CohereForAI/Global-MMLU``, one config a language, splits dev (285, five a subject) and
test (scored), Apache-2.0. A record::

    {"sample_id": "anatomy/dev/0", "subject": "anatomy", "subject_category": "STEM",
     "question": "Où est le fémur ?", "option_a": "Dans la main", "option_b": "Dans la cuisse",
     "option_c": "Dans le cou", "option_d": "Dans le pied", "answer": "B", ...}
"""

from __future__ import annotations

from tsdg.seeds.rows.item import Gold, Item, Row, text
from tsdg.seeds.rows.row_forms import Form, lettered

_OPTIONS = ("option_a", "option_b", "option_c", "option_d")


def item(row: Row) -> Item:
    """The question with the texts of its options."""
    return Item(
        question=text(row, "question"), options=tuple(text(row, column) for column in _OPTIONS)
    )


def gold(row: Row, item: Item) -> Gold:
    """The letter."""
    return lettered(row, "answer", item)


FORMS = {
    "": Form(
        columns=("question", *_OPTIONS, "answer"),
        item=item,
        gold=gold,
        subject=("subject_category", "subject"),
    )
}
