"""MedMCQA: Indian medical entrance exams. lm-eval's options are letters.

Hub path ``openlifescienceai/medmcqa``, splits train (182,822), validation (scored) and test (labels
hidden, -1), Apache-2.0. A record::

    {"id": "a1", "question": "Which vitamin does sunlight make in the skin?", "opa": "A", "opb": "B12", "opc": "C",
     "opd": "D", "cop": 3, "choice_type": "single", "exp": "...", "subject_name": "Biochemistry", "topic_name": null}
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tsdg.seeds.item import Gold, Item, Row, labelled, text

if TYPE_CHECKING:
    from tsdg.seeds.catalogue import Unit

_OPTIONS = ("opa", "opb", "opc", "opd")


def columns(unit: Unit) -> tuple[str, ...]:
    """Columns that are read."""
    return ("question", *_OPTIONS, "cop")


def shuffle(unit: Unit) -> bool:
    """The right option stands anywhere."""
    return False


def item(row: Row, unit: Unit) -> Item:
    """The question with the texts of its options."""
    return Item(
        question=text(row, "question"), options=tuple(text(row, column) for column in _OPTIONS)
    )


def gold(row: Row, unit: Unit, item: Item) -> Gold:
    """The label counts from 0."""
    return labelled(row, "cop", item)
