"""MathQA: word problems with five options in one text.

They were made from AQuA-RAT, in lower case and split into tokens.

Hub path ``regisss/math_qa``, splits train (29,837), validation and test (scored), Apache-2.0. A
record::

    {"Problem": "a shelf holds 3 rows of 4 jars . how many jars are there ?", "Rationale": "...",
     "options": "a ) 7 , b ) 12 , c ) 1,200 , d ) 34 , e ) none of these", "correct": "b",
     "annotated_formula": "...", "linear_formula": "multiply(n0,n1)|", "category": "general"}
"""

from __future__ import annotations

import re
from dataclasses import replace

from tsdg.seeds.rows.item import (
    Gold,
    Item,
    MalformedRowError,
    Row,
    found,
    noted,
    text,
)
from tsdg.seeds.rows.residue import capitalised, joined
from tsdg.seeds.rows.row_forms import Form, lettered

_LETTERS = "abcde"
_MARK = re.compile(r"(?:^\[?|,)\s*['\"]?\s*([a-e])\s\)\s*")


def item(row: Row) -> Item:
    """The problem and its options, put together again."""
    return Item(
        question=capitalised(joined(text(row, "Problem"), "en")),
        options=_options(text(row, "options")),
    )


def gold(row: Row, item: Item) -> Gold:
    """The letter; the rationale is as torn as the problem."""
    steps = noted(row, ("Rationale",)).strip("'\" ")
    return replace(lettered(row, "correct", item), solution=steps)


def _options(value: str) -> tuple[str, ...]:
    """Take ``a ) 7 , b ) 12`` apart, also as a printed list; options may hold commas."""
    _, *parts = _MARK.split(value)
    letters, options = (
        "".join(parts[::2]),
        tuple(part.strip(" ,'\"]") for part in parts[1::2]),
    )
    if len(letters) < 2 or letters != _LETTERS[: len(letters)] or not all(options):
        raise MalformedRowError("options", f"found {found(value)}, 'a ) ... , b ) ...' is needed")
    return options


FORMS = {
    "": Form(columns=("Problem", "options", "correct"), item=item, gold=gold, subject=("category",))
}
