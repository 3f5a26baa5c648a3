r"""GSM8K: grade-school word problems.

The number after ``####`` is the answer. The worked solution before it loses its calculator marks.

Hub path ``openai/gsm8k``, config ``main``, splits train (7,473) and test (1,319), MIT. A record::

    {"question": "A shelf holds 3 rows of 4 jars. How many jars are on the shelf?",
     "answer": "There are 3*4=<<3*4=12>>12 jars.\n#### 12"}
"""

from __future__ import annotations

import re

from tsdg.seeds.rows.item import Gold, Item, MalformedRowError, Row, digits, found, text
from tsdg.seeds.rows.row_forms import Form

_CALCULATED = re.compile(r"<<[^<>\n]*>>")
_FINAL = re.compile(r"####\s*\$?\s*(-?[\d,]*\.?\d+)\s*$")


def item(row: Row) -> Item:
    """The problem."""
    return Item(question=text(row, "question"))


def gold(row: Row, item: Item) -> Gold:
    """The final number, without thousands separators."""
    answer = text(row, "answer")
    match = _FINAL.search(answer)
    if match is None:
        raise MalformedRowError(
            "answer", f"found {found(answer[-40:])} at its end, '#### <number>' is needed"
        )
    steps = _CALCULATED.sub("", answer[: match.start()]).strip()
    return Gold(kind="number", answer=digits(match.group(1)), solution=steps)


FORMS = {"": Form(columns=("question", "answer"), item=item, gold=gold)}
