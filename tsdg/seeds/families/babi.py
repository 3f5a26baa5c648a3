r"""bAbI: twenty kinds of small reasoning over made-up stories.

Directions are spelled out (``s,e`` is south, east).

Hub path ``Muennighoff/babi``, splits train, valid (named so by lm-eval), test, CC-BY-3.0. A
record::

    {"passage": "Rosa went to the attic.\nRosa took the lamp there.\n",
     "question": "Where is the lamp?", "answer": "attic", "task": 2}
"""

from __future__ import annotations

from tsdg.seeds.rows.item import Gold, Item, Row, text
from tsdg.seeds.rows.row_forms import Form

_TASKS = (
    "one supporting fact",
    "two supporting facts",
    "three supporting facts",
    "relations of two things",
    "relations of three things",
    "yes or no",
    "counting",
    "lists and sets",
    "simple negation",
    "indefinite knowledge",
    "simple coreference",
    "conjunction",
    "compound coreference",
    "order in time",
    "simple deduction",
    "simple induction",
    "positions",
    "sizes",
    "finding a path",
    "motives",
)
"""What the kinds of question practise, from number 1."""
_WAYS = {"n": "north", "s": "south", "e": "east", "w": "west"}


def item(row: Row) -> Item:
    """The question about the story."""
    number = row.get("task")
    return Item(
        question=text(row, "question"),
        context=text(row, "passage"),
        subject=_TASKS[number - 1] if isinstance(number, int) and 0 < number <= 20 else "",
    )


def gold(row: Row, item: Item) -> Gold:
    """One word, or a list of them."""
    answer = text(row, "answer")
    parts = [part.strip() for part in answer.split(",")]
    if len(parts) > 1 and all(part in _WAYS for part in parts):
        return Gold(
            kind="short_text", answer=", ".join(_WAYS[part] for part in parts), aliases=(answer,)
        )
    if len(parts) > 1:
        return Gold(kind="short_text", answer=", ".join(parts), aliases=(answer,))
    return Gold(kind="short_text", answer=answer)


FORMS = {"": Form(columns=("passage", "question", "answer"), item=item, gold=gold)}
