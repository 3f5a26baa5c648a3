r"""FOLIO: a conclusion that follows from premises, contradicts them, or is left open.

Hub path ``yale-nlp/FOLIO``, splits train (1,001; 1,004 in its repository) and validation,
CC-BY-SA-4.0. A record::

    {"story_id": 1, "premises": "All owls are birds.\nNo bird is a fish.",
     "premises-FOL": "∀x (Owl(x) → Bird(x))\n...", "conclusion": "Some owl is a fish.",
     "conclusion-FOL": "∃x (Owl(x) ∧ Fish(x))", "label": "False", "example_id": 2}
"""

from __future__ import annotations

from tsdg.seeds.rows.item import Gold, Item, Row, text
from tsdg.seeds.rows.row_forms import Form, named

_LABELS = ("True", "False", "Uncertain")


def item(row: Row) -> Item:
    """Whether the conclusion follows."""
    premises = "\n".join(
        line.strip() for line in text(row, "premises").splitlines() if line.strip()
    )
    conclusion = text(row, "conclusion")
    question = f"Given these premises, is the following true, false or uncertain? {conclusion}"
    return Item(
        question=question, context=premises, options=tuple(label.lower() for label in _LABELS)
    )


def gold(row: Row, item: Item) -> Gold:
    """The annotated truth value."""
    return named(row, "label", item)


FORMS = {"": Form(columns=("premises", "conclusion", "label"), item=item, gold=gold, classes=True)}
