"""Social IQa.

What people in small scenes feel, want and do next. lm-eval has scene and question in one.

Hub path ``lighteval/siqa``, splits train (33,410) and validation (scored), CC-BY-4.0 by the
project's page. A record::

    {"context": "Ann gave Bo her umbrella.", "question": "How would Bo feel?", "answerA": "grateful",
     "answerB": "hungry", "answerC": "betrayed", "label": "1"}
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tsdg.seeds.item import Gold, Item, Row, chosen, integer, text

if TYPE_CHECKING:
    from tsdg.seeds.catalogue import Unit

_ANSWERS = ("answerA", "answerB", "answerC")


def columns(unit: Unit) -> tuple[str, ...]:
    """Columns that are read."""
    return ("context", "question", *_ANSWERS, "label")


def shuffle(unit: Unit) -> bool:
    """The right option stands anywhere."""
    return False


def item(row: Row, unit: Unit) -> Item:
    """The question on the scene."""
    options = tuple(text(row, column) for column in _ANSWERS)
    return Item(question=text(row, "question"), context=text(row, "context"), options=options)


def gold(row: Row, unit: Unit, item: Item) -> Gold:
    """The label counts from 1."""
    return chosen(item, integer(row, "label") - 1, "label")
