r"""LegalBench: the few-shot examples of small tasks of legal reading.

lm-eval asks the question once, in a description before all prompts.

Hub path ``nguha/legalbench``, one config a task, splits train (4 to 10) and test (scored), own
licences. Records::

    {"index": "0", "text": "The mark \"Salt\" for packages of sodium chloride.",
     "answer": "generic"}
    {"index": "0", "text": "Recipient shall return all papers.", "answer": "Yes",
     "document_name": "nda.pdf"}
    {"index": "0", "bill_title": "...", "bill_summary": "...", "company_name": "...",
     "company_description": "...", "answer": "No"}
    {"index": "0", "Paragraph": "The court denied the motion.", "answer": "Procedural History",
     "Citation": "..."}
    {"index": "0", "question": "Can one lose a citizenship?", "answer": "Yes"}
"""

from __future__ import annotations

from tsdg.seeds.rows.item import Gold, Item, Row, text
from tsdg.seeds.rows.phrases import phrase, wordings
from tsdg.seeds.rows.row_forms import Form, named

_SHOWN = {
    "corporate_lobbying": ("bill_title", "bill_summary", "company_name", "company_description"),
    "function_of_decision_section": ("Paragraph",),
}
_CITIZENSHIP = "international_citizenship_questions"


def _form(config: str) -> Form:
    """The question of the config; what it is about is the context."""
    columns = _SHOWN.get(config, ("text",))
    heads = [f"{name.replace('_', ' ').capitalize()}: " if columns[1:] else "" for name in columns]

    def item(row: Row) -> Item:
        wording = phrase("legalbench", config)
        parts = (text(row, column) for column in columns)
        context = "\n".join(head + part for head, part in zip(heads, parts, strict=True))
        return Item(question=wording.question, context=context, options=wording.options)

    return Form(columns=(*columns, "answer"), item=item, gold=_gold, classes=True)


def _gold(row: Row, item: Item) -> Gold:
    """The class."""
    return named(row, "answer", item)


def _citizenship(row: Row) -> Item:
    """The row has a question of its own."""
    wording = phrase("legalbench", _CITIZENSHIP)
    return Item(question=text(row, "question"), context=wording.question, options=wording.options)


FORMS = {config: _form(config) for config in wordings("legalbench")} | {
    _CITIZENSHIP: Form(columns=("question", "answer"), item=_citizenship, gold=_gold, classes=True)
}
