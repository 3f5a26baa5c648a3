r"""LogiQA 2: Chinese civil service questions on short texts, in better English.

Two configs hold the same items in two forms.

Hub path ``baber/logiqa2``, configs ``logiqa2`` (train 12,567, validation, test) and ``logieval``
(the same as a prompt), CC-BY-NC-SA-4.0. Records::

    {"id": 1, "answer": 1, "text": "All owls are birds. No bird is a fish.",
     "question": "Which of these follows?", "type": {...}, "options": ["Some owls are fish.",
     "No owl is a fish.", "All birds are owls.", "No fish swims."]}
    {"content": "Passage: All owls are birds.\nQuestion: Which of these follows?\nA. ...\nB.
     ...\nC. ...\nD. ...\n", "ideal": "B"}
"""

from __future__ import annotations

import re

from tsdg.seeds.rows.item import Item, MalformedRowError, Row, found, labelled, text, texts
from tsdg.seeds.rows.row_forms import Form, lettered

_PROMPT = re.compile(
    r"Passage:\s*(.+?)\s*\n\s*Question:\s*(.+?)\s*(?:\n\s*(?:Choices|Options):)?"
    r"\s*\n\s*A[.)] (.+?)\s*\n\s*B[.)] (.+?)\s*\n\s*C[.)] (.+?)\s*\n\s*D[.)] "
    r"(.+?)\s*(?:\n\s*Answer:?\s*)?$",
    re.S,
)


def _of_prompt(row: Row) -> Item:
    content = text(row, "content")
    match = _PROMPT.search(content)
    if match is None:
        raise MalformedRowError(
            "content",
            f"found {found(content)}, 'Passage: ... Question: ... A. ... B. ...' is needed",
        )
    passage, question, *options = (part.strip() for part in match.groups())
    return Item(question=question, context=passage, options=tuple(options))


FORMS = {
    "logieval": Form(
        columns=("content", "ideal"),
        item=_of_prompt,
        gold=lambda row, item: lettered(row, "ideal", item),
    ),
    "logiqa2": Form(
        columns=("text", "question", "options", "answer"),
        item=lambda row: Item(
            question=text(row, "question"),
            context=text(row, "text"),
            options=texts(row, "options"),
        ),
        gold=lambda row, item: labelled(row, "answer", item),
        subject=("type",),
    ),
}
