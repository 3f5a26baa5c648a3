"""PubMedQA: a question that an abstract answers with yes, no or maybe. The abstract is the context.

Hub path ``bigbio/pubmed_qa``, config ``pubmed_qa_labeled_fold0_source``, splits train (450),
validation, test; MIT. A record::

    {"QUESTION": "Does a short walk after lunch lower blood sugar?",
     "CONTEXTS": ["Forty adults walked ...", "..."], "LABELS": ["METHODS", "RESULTS"],
     "MESHES": ["Adult"], "YEAR": "2011", "reasoning_required_pred": "yes",
     "reasoning_free_pred": "yes", "final_decision": "yes", "LONG_ANSWER": "Walking lowered it ..."}

``LONG_ANSWER`` is the authors' conclusion, which gives the answer away, and so is no part of the
context; it is kept as the solution.
"""

from __future__ import annotations

from collections.abc import Iterator

from tsdg.seeds.rows.item import Gold, Item, Row, text, texts
from tsdg.seeds.rows.row_forms import Form, named

_DECISIONS = ("yes", "no", "maybe")


def item(row: Row) -> Item:
    """The question about the abstract."""
    return Item(
        question=text(row, "QUESTION"),
        context="\n".join(_headed(texts(row, "CONTEXTS"), row.get("LABELS"))),
        options=_DECISIONS,
    )


def _headed(paragraphs: tuple[str, ...], heads: object) -> Iterator[str]:
    """Put the heads of an abstract before its paragraphs, where there is one for each."""
    if not isinstance(heads, (list, tuple)) or len(heads) != len(paragraphs):
        heads = [None] * len(paragraphs)
    for head, paragraph in zip(heads, paragraphs, strict=True):
        stated = isinstance(head, str) and head.strip()
        yield f"{head.strip()}: {paragraph}" if stated else paragraph


def gold(row: Row, item: Item) -> Gold:
    """The annotators' decision."""
    return named(row, "final_decision", item)


FORMS = {
    "": Form(
        columns=("QUESTION", "CONTEXTS", "final_decision"),
        item=item,
        gold=gold,
        classes=True,
        solution=("LONG_ANSWER",),
        subject=("MESHES",),
    )
}
