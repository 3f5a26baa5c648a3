"""MMLU-Pro and MMLU-Pro+: questions with ten options and more.

lm-eval lists the options in the question, and its answers are letters.

Hub paths ``TIGER-Lab/MMLU-Pro`` and ``saeidasgari/mmlu-pro-plus``, splits validation (70, the
few-shot exemplars) and test (scored), MIT. A record::

    {"question_id": 1, "question": "Which number is prime?", "options": ["4", "6", "7", "9"],
     "answer": "C", "answer_index": 2, "cot_content": "A: Let's think step by step. ...",
     "category": "math", "src": "..."}
"""

from __future__ import annotations

from dataclasses import replace

from tsdg.seeds.rows.item import Gold, Item, Row, noted, text, texts
from tsdg.seeds.rows.row_forms import Form, twice_told

_LEAD = "A: Let's think step by step."


def item(row: Row) -> Item:
    """The question with its options; ``N/A`` fills up what has fewer than ten."""
    options = list(texts(row, "options"))
    while options[-1:] == ["N/A"]:
        options.pop()
    return Item(question=text(row, "question"), options=tuple(options))


def gold(row: Row, item: Item) -> Gold:
    """The letter, which the index has to bear out."""
    solution = noted(row, ("cot_content",)).removeprefix(_LEAD).strip()
    return replace(twice_told(row, "answer", "answer_index", item), solution=solution)


FORMS = {
    "": Form(
        columns=("question", "options", "answer", "answer_index"),
        item=item,
        gold=gold,
        subject=("category",),
    )
}
