"""MMLU-ProX: the exemplars of MMLU-Pro in 29 languages.

lm-eval lists the options in the question.

Hub path ``li-lab/MMLU-ProX``, one config a language, splits validation (70, the few-shot exemplars)
and test (scored), MIT. A record::

    {"question_id": 1, "question": "Welche Zahl ist prim?", "option_0": "4", "option_1": "7",
     "option_2": null, ..., "option_9": null, "answer": "B", "answer_index": 1,
     "cot_content": "...", "category": "math", "src": "..."}
"""

from __future__ import annotations

from tsdg.seeds.rows.item import Gold, Item, Row, text
from tsdg.seeds.rows.row_forms import Form, leading, twice_told

_OPTIONS = tuple(f"option_{number}" for number in range(10))


def item(row: Row) -> Item:
    """The question with those options that there are."""
    return Item(question=text(row, "question"), options=leading(row, _OPTIONS))


def gold(row: Row, item: Item) -> Gold:
    """The letter, which the index has to bear out."""
    return twice_told(row, "answer", "answer_index", item)


FORMS = {
    "": Form(
        columns=("question", *_OPTIONS, "answer", "answer_index"),
        item=item,
        gold=gold,
        solution=("cot_content",),
        subject=("category",),
    )
}
