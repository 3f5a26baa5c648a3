"""XNLI.

MultiNLI's pairs of premise and hypothesis in fifteen languages. lm-eval's template has an empty
question.

Hub path ``facebook/xnli``, one config a language, splits train (392,702 each, machine-translated),
validation (scored) and test, CC-BY-NC-4.0. The texts are split into tokens. A record::

    {"premise": "The lamps were all off .", "hypothesis": "It was dark .", "label": 0}
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tsdg.seeds.item import Gold, Item, Row, joined, labelled, text
from tsdg.seeds.phrases import phrase

if TYPE_CHECKING:
    from tsdg.seeds.catalogue import Unit

_FORM_COLUMNS = ("premise", "hypothesis", "label")


def columns(unit: Unit) -> tuple[str, ...]:
    """Columns that are read."""
    return _FORM_COLUMNS


def shuffle(unit: Unit) -> bool:
    """True, neither, false: in the order of the labels."""
    return False


def item(row: Row, unit: Unit) -> Item:
    """The hypothesis in a question in the language of the row; the premise is the context."""
    wording = phrase("nli", unit.language)
    hypothesis = joined(text(row, "hypothesis"))
    return Item(
        question=wording.question.format(hypothesis),
        context=joined(text(row, "premise")),
        options=wording.options,
    )


def gold(row: Row, unit: Unit, item: Item) -> Gold:
    """Label 0 is entailment, 1 neutral, 2 contradiction."""
    return labelled(row, "label", item)
