"""TyDi QA, gold passage.

Questions in nine languages, each on a paragraph. lm-eval keeps one language of one file.

Hub path ``google-research-datasets/tydiqa``, config ``secondary_task``, splits train (49,881 in
all) and validation (scored), Apache-2.0. The id begins with the language. A record::

    {"id": "finnish-8438-1", "title": "Oulu", "context": "Oulu on kaupunki Suomessa.", "question": "Missä on Oulu?",
     "answers": {"text": ["Suomessa"], "answer_start": [17]}}
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tsdg.seeds.forms import spans
from tsdg.seeds.item import Gold, Item, MalformedRowError, Row, text

if TYPE_CHECKING:
    from tsdg.seeds.catalogue import Unit

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


def columns(unit: Unit) -> tuple[str, ...]:
    """Columns that are read."""
    return ("id", "question", "context", "answers")


def shuffle(unit: Unit) -> bool:
    """There are no options."""
    return False


def item(row: Row, unit: Unit) -> Item:
    """The question on the paragraph, in whichever language.

    The held-out rows of all are to be known.
    """
    return Item(question=text(row, "question"), context=text(row, "context"))


def gold(row: Row, unit: Unit, item: Item) -> Gold:
    """The marked text, where the row is in the task's language."""
    language = text(row, "id").partition("-")[0]
    if language != _LANGUAGES[unit.language]:
        raise MalformedRowError(
            "id", f"a row in {language}: this task reads those in {_LANGUAGES[unit.language]}"
        )
    return spans(row, "answers")
