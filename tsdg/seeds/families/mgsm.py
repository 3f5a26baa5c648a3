"""MGSM: its exemplars, eight word problems in each of fourteen languages.

Each begins with "Question:" in its language.

Hub paths ``juletxara/mgsm`` (one config a language), ``projecte-aina/mgsm_ca``,
``proxectonos/mgsm_gl`` and ``HiTZ/MGSM-eu``, splits train (8, shown before each scored question)
and test (scored), CC-BY-SA-4.0. A record::

    {"question": "Frage: Ein Regal hat 3 Reihen mit je 4 Gläsern. Wie viele Gläser sind es?",
     "answer": "Schritt-für-Schritt-Antwort: Es sind 3 * 4 = 12 Gläser. Die Antwort ist 12.",
     "answer_number": 12, "equation_solution": "3 * 4 = 12"}
"""

from __future__ import annotations

import re

from tsdg.seeds.rows.item import Gold, Item, MalformedRowError, Row, digits, found, noted, text
from tsdg.seeds.rows.row_forms import Form

_LABEL = re.compile(r"^[^\s\d:：,.?]{1,20}(?: [^\s\d:：,.?]{1,20})?\s?[:：]\s*")
_ANSWER_LABEL = re.compile(r"^[^\d:：,.?]{1,40}[:：]\s*")
_NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?")
_BROKEN_LINE = re.compile(r"(?<=[\u3040-\u9fff])\n(?=\S)")
_STUCK = re.compile(r"(?<=[?？])\w[^?？]*$")
"""A word that a translation left behind the question mark."""


def item(row: Row) -> Item:
    """The problem without its label, a word or two before a colon."""
    problem = _sentence(_LABEL, text(row, "question"))
    if not problem:
        raise MalformedRowError("question", f"found {found(row['question'])}, a problem is needed")
    return Item(question=_STUCK.sub("", problem))


def _sentence(label: re.Pattern[str], value: str) -> str:
    """What follows a label, with the capital that a sentence has, and on one line."""
    value = _BROKEN_LINE.sub("", label.sub("", value))
    return value[:1].upper() + value[1:]


def gold(row: Row, item: Item) -> Gold:
    """The number."""
    number = row["answer_number"]
    if isinstance(number, float) and number.is_integer():
        number = int(number)
    if isinstance(number, bool) or not _NUMBER.fullmatch(str(number)):
        raise MalformedRowError("answer_number", f"found {found(number)}, a number is needed")
    steps = _sentence(_ANSWER_LABEL, noted(row, ("answer",)))
    return Gold(kind="number", answer=digits(str(number)), solution=steps)


FORMS = {"": Form(columns=("question", "answer_number"), item=item, gold=gold)}
