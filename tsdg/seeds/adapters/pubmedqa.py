"""PubMedQA: a question that an abstract answers with yes, no or maybe. The abstract is the context.

Hub path ``bigbio/pubmed_qa``, config ``pubmed_qa_labeled_fold0_source``, splits train (450),
validation, test; MIT. A record::

    {"QUESTION": "Does a short walk after lunch lower blood sugar?", "CONTEXTS": ["Forty adults walked ...", "..."],
     "LABELS": ["METHODS", "RESULTS"], "MESHES": ["Adult"], "YEAR": "2011", "reasoning_required_pred": "yes",
     "reasoning_free_pred": "yes", "final_decision": "yes", "LONG_ANSWER": "Walking lowered it ..."}

``LONG_ANSWER`` is the authors' conclusion, which gives the answer away, and so is no part of the
context.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tsdg.seeds.item import Gold, Item, MalformedRowError, Row, chosen, found, text, texts

if TYPE_CHECKING:
    from tsdg.seeds.catalogue import Unit

_DECISIONS = ("yes", "no", "maybe")


def columns(unit: Unit) -> tuple[str, ...]:
    """Columns that are read."""
    return ("QUESTION", "CONTEXTS", "final_decision")


def shuffle(unit: Unit) -> bool:
    """Yes, no, maybe: in that order."""
    return False


def item(row: Row, unit: Unit) -> Item:
    """The question about the abstract."""
    return Item(
        question=text(row, "QUESTION"),
        context="\n".join(texts(row, "CONTEXTS")),
        options=_DECISIONS,
    )


def gold(row: Row, unit: Unit, item: Item) -> Gold:
    """The annotators' decision."""
    decision = text(row, "final_decision")
    if decision not in _DECISIONS:
        raise MalformedRowError(
            "final_decision", f"found {found(decision)}, allowed are {', '.join(_DECISIONS)}"
        )
    return chosen(item, _DECISIONS.index(decision), "final_decision")
