"""The primer of TruthfulQA's prompt in five languages, six questions each.

lm-eval has it as text with the labels of a prompt. The rows of the train split name no wrong
answers, and so have no options.

Hub path ``HiTZ/truthfulqa-multi``, configs ``ca en es eu gl``, splits train (6, shown before each
scored question) and validation (scored), Apache-2.0. A record::

    {"id": 1, "question": "How many moons has the Earth?", "best_answer": "The Earth has one moon.",
     "correct_answers": [], "incorrect_answers": [], "category": "", "lang": "en", ...}
"""

from __future__ import annotations

from tsdg.seeds.rows.item import Gold, Item, MalformedRowError, Row, text, unprinted
from tsdg.seeds.rows.row_forms import Form
from tsdg.seeds.rows.spans import answered

_GOES_ON = "3"
"""Number of the row that asks "which party did he belong to?", on from the row before."""


def item(row: Row) -> Item:
    """The question."""
    if str(row.get("id")) == _GOES_ON:
        raise MalformedRowError("id", f"found {_GOES_ON}: it goes on from the question before it")
    return Item(question=text(row, "question"))


def gold(row: Row, item: Item) -> Gold:
    """The best answer, with other right ones as aliases."""
    others = unprinted(row.get("correct_answers"))
    given = others if isinstance(others, (list, tuple)) else ()
    return answered("text", [text(row, "best_answer"), *given], "best_answer")


FORMS = {"": Form(columns=("question", "best_answer"), item=item, gold=gold, subject=("category",))}
