"""LogiQA.

Chinese civil service questions on short texts, in English. lm-eval lists the options in the
question.

Hub path ``EleutherAI/logiqa``, splits train (7,376), validation and test (scored), no licence
stated. A record::

    {"label": "b", "context": "All owls are birds. No bird is a fish.", "question": "Which of these follows?",
     "options": ["Some owls are fish.", "No owl is a fish.", "All birds are owls.", "No fish swims."]}
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tsdg.seeds.forms import lettered
from tsdg.seeds.item import Gold, Item, Row, text, texts

if TYPE_CHECKING:
    from tsdg.seeds.catalogue import Unit


def columns(unit: Unit) -> tuple[str, ...]:
    """Columns that are read."""
    return ("context", "question", "options", "label")


def shuffle(unit: Unit) -> bool:
    """The right option stands anywhere."""
    return False


def item(row: Row, unit: Unit) -> Item:
    """The question on the text."""
    return Item(
        question=text(row, "question"), context=text(row, "context"), options=texts(row, "options")
    )


def gold(row: Row, unit: Unit, item: Item) -> Gold:
    """The letter."""
    return lettered(row, "label", item)
