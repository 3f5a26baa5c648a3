r"""LogiQA 2.

Chinese civil service questions on short texts, in better English, in two forms of the same items.

Hub path ``baber/logiqa2``, configs ``logiqa2`` (train 12,567, validation, test) and ``logieval``
(the same as a prompt), CC-BY-NC-SA-4.0. Records::

    {"id": 1, "answer": 1, "text": "All owls are birds. No bird is a fish.", "question": "Which of these follows?",
     "type": {...}, "options": ["Some owls are fish.", "No owl is a fish.", "All birds are owls.", "No fish swims."]}
    {"content": "Passage: All owls are birds.\nQuestion: Which of these follows?\nA. ...\nB. ...\nC. ...\nD. ...\n",
     "ideal": "B"}
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tsdg.seeds.forms import lettered
from tsdg.seeds.item import Gold, Item, MalformedRowError, Row, found, labelled, text, texts

if TYPE_CHECKING:
    from tsdg.seeds.catalogue import Unit

_PROMPT = re.compile(
    r"Passage:\s*(.+?)\s*\n\s*Question:\s*(.+?)\s*(?:\n\s*(?:Choices|Options):)?"
    r"\s*\n\s*A[.)] (.+?)\s*\n\s*B[.)] (.+?)\s*\n\s*C[.)] (.+?)\s*\n\s*D[.)] "
    r"(.+?)\s*(?:\n\s*Answer:?\s*)?$",
    re.S,
)


def columns(unit: Unit) -> tuple[str, ...]:
    """Columns that are read."""
    return (
        ("content", "ideal")
        if unit.config == "logieval"
        else ("text", "question", "options", "answer")
    )


def shuffle(unit: Unit) -> bool:
    """The right option stands anywhere."""
    return False


def item(row: Row, unit: Unit) -> Item:
    """The question on the text."""
    if unit.config != "logieval":
        return Item(
            question=text(row, "question"), context=text(row, "text"), options=texts(row, "options")
        )
    content = text(row, "content")
    match = _PROMPT.search(content)
    if match is None:
        raise MalformedRowError(
            "content",
            f"found {found(content)}, 'Passage: ... Question: ... A. ... B. ...' is needed",
        )
    passage, question, *options = (part.strip() for part in match.groups())
    return Item(question=question, context=passage, options=tuple(options))


def gold(row: Row, unit: Unit, item: Item) -> Gold:
    """The index counts from 0; of logieval, the letter."""
    return (
        lettered(row, "ideal", item) if unit.config == "logieval" else labelled(row, "answer", item)
    )
