r"""LegalBench.

The few-shot examples of small tasks of legal reading. lm-eval asks in a description before all
prompts.

Hub path ``nguha/legalbench``, one config a task, splits train (4 to 10) and test (scored), own
licences. Records::

    {"index": "0", "text": "The mark \"Salt\" for packages of sodium chloride.", "answer": "generic"}
    {"index": "0", "text": "Recipient shall return all papers.", "answer": "Yes", "document_name": "nda.pdf"}
    {"index": "0", "bill_title": "...", "bill_summary": "...", "company_name": "...", "company_description": "...",
     "answer": "No"}
    {"index": "0", "Paragraph": "The court denied the motion.", "answer": "Procedural History", "Citation": "..."}
    {"index": "0", "question": "Can one lose a citizenship?", "answer": "Yes"}
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tsdg.seeds.item import Gold, Item, MalformedRowError, Row, chosen, found, text
from tsdg.seeds.phrases import phrase

if TYPE_CHECKING:
    from tsdg.seeds.catalogue import Unit

_SHOWN = {
    "corporate_lobbying": ("bill_title", "bill_summary", "company_name", "company_description"),
    "function_of_decision_section": ("Paragraph",),
    "international_citizenship_questions": ("question",),
}


def columns(unit: Unit) -> tuple[str, ...]:
    """Columns that are read."""
    return (*_SHOWN.get(unit.config, ("text",)), "answer")


def shuffle(unit: Unit) -> bool:
    """The options are classes, in a fixed order."""
    return False


def item(row: Row, unit: Unit) -> Item:
    """The question of the config; what it is about is the context."""
    wording = phrase("legalbench", unit.config)
    if unit.config == "international_citizenship_questions":
        return Item(
            question=text(row, "question"), context=wording.question, options=wording.options
        )
    context = "\n".join(text(row, column) for column in _SHOWN.get(unit.config, ("text",)))
    return Item(question=wording.question, context=context, options=wording.options)


def gold(row: Row, unit: Unit, item: Item) -> Gold:
    """The class."""
    answer = text(row, "answer").lower()
    if answer not in item.options:
        raise MalformedRowError(
            "answer", f"found {found(answer)}, allowed are {', '.join(item.options)}"
        )
    return chosen(item, item.options.index(answer), "answer")
