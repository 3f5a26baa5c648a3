"""TyDi QA, gold passage: questions in nine languages, each on a paragraph.

Each of lm-eval's tasks keeps one language of one file.

Hub path ``google-research-datasets/tydiqa``, config ``secondary_task``, splits train (49,881 in
all) and validation (scored), Apache-2.0. The id begins with the language. A record::

    {"id": "finnish-8438-1", "title": "Oulu", "context": "Oulu on kaupunki Suomessa.",
     "question": "Missä on Oulu?", "answers": {"text": ["Suomessa"], "answer_start": [17]}}
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from tsdg.seeds.rows.item import Gold, Item, OtherTaskRowError, Row, text
from tsdg.seeds.rows.row_forms import extracted
from tsdg.seeds.rows.spans import spans

_LANGUAGES = {
    "ar": "arabic",
    "bn": "bengali",
    "en": "english",
    "fi": "finnish",
    "id": "indonesian",
    "ko": "korean",
    "ru": "russian",
    "sw": "swahili",
    "te": "telugu",
}


def _gold(wanted: str, row: Row, item: Item) -> Gold:
    """The marked text, where the row is in the task's language.

    The item is read in every language: the held-out rows of all are to be known.
    """
    language = text(row, "id").partition("-")[0]
    if language != wanted:
        raise OtherTaskRowError("id", f"a row in {language}: this task reads those in {wanted}")
    return spans(row, "answers", "context")


_FORM = extracted(question="question", context="context", answers="answers")
FORMS = {
    code: replace(_FORM, columns=("id", *_FORM.columns), gold=partial(_gold, name))
    for code, name in _LANGUAGES.items()
}
