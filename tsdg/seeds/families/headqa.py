"""HEAD-QA: exams for posts in the Spanish health system, in Spanish and translated into English.

Some questions are linked to a picture, which the rows do not have, or go on from the question
before.

Hub path ``EleutherAI/headqa``, configs ``en`` and ``es``, splits train (2,657), validation and test
(scored), MIT; the exams are the ministry's. A record::

    {"name": "Cuaderno_2013_1_B", "year": "2013", "category": "biology", "qid": 1,
     "qtext": "Which organ makes bile?", "ra": 2, "answers": [{"aid": 1, "atext": "The heart"},
     {"aid": 2, "atext": "The liver"}, {"aid": 3, "atext": "The lung"}]}
"""

from __future__ import annotations

import re

from tsdg.seeds.rows.item import Gold, Item, MalformedRowError, Row, chosen, integer, part, text
from tsdg.seeds.rows.row_forms import Form, labelled_choices

_ELSEWHERE = re.compile(
    r"\b(?:linked|related|associated|bound) to (?:the )?image|\bvinculad[oa]s? (?:a|con) la imagen"
    r"|\b(?:previous|preceding|above) (?:patient|case|question)"
    r"|\b(?:paciente|caso|pregunta) anterior",
    re.IGNORECASE,
)
_COLON = re.compile(r"\?\s*:$")


def item(row: Row) -> Item:
    """The question with its options."""
    asked = text(row, "qtext")
    if _ELSEWHERE.search(asked):
        raise MalformedRowError("qtext", "it needs a picture, or the question before it")
    answers = part(row["answers"], "atext")
    choices = labelled_choices({"qtext": asked, "answers": {"text": answers}}, "qtext", "answers")
    return Item(question=_COLON.sub("?", choices.question), options=choices.options)


def gold(row: Row, item: Item) -> Gold:
    """The number of the right option."""
    numbers, right = part(row["answers"], "aid"), integer(row, "ra")
    given = [int(number) for number in numbers or () if str(number).isdecimal()]
    if right not in given:
        raise MalformedRowError("ra", f"found {right}, allowed are {', '.join(map(str, given))}")
    return chosen(item, given.index(right), "ra")


FORMS = {"": Form(columns=("qtext", "answers", "ra"), item=item, gold=gold, subject=("category",))}
