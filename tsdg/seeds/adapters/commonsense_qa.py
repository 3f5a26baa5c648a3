"""CommonsenseQA: five answers from one concept's neighbours. lm-eval's options are letters.

Hub path ``tau/commonsense_qa``, splits train (9,741), validation (scored) and test (labels hidden),
MIT. A record::

    {"id": "a1", "question": "Where does one hang a wet coat?", "question_concept": "coat", "answerKey": "B",
     "choices": {"label": ["A", "B", "C", "D", "E"], "text": ["oven", "hook", "book", "lake", "drawer"]}}
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tsdg.seeds.forms import chosen_label, labelled_choices
from tsdg.seeds.item import Gold, Item, Row

if TYPE_CHECKING:
    from tsdg.seeds.catalogue import Unit


def columns(unit: Unit) -> tuple[str, ...]:
    """Columns that are read."""
    return ("question", "choices", "answerKey")


def shuffle(unit: Unit) -> bool:
    """The right option stands anywhere."""
    return False


def item(row: Row, unit: Unit) -> Item:
    """The question with the texts of its options."""
    return labelled_choices(row, "question", "choices")


def gold(row: Row, unit: Unit, item: Item) -> Gold:
    """The letter."""
    return chosen_label(row, "answerKey", "choices", item)
