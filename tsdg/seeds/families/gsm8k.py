r"""GSM8K: word problems of grade school.

The number after ``####`` is the answer. A row whose worked solution comes to another number is
doubtful. The solution loses its calculator marks.

Hub path ``openai/gsm8k``, config ``main``, splits train (7,473) and test (1,319), MIT. A record::

    {"question": "A shelf holds 3 rows of 4 jars. How many jars are on the shelf?",
     "answer": "There are 3*4=<<3*4=12>>12 jars.\n#### 12"}
"""

from __future__ import annotations

import re

from tsdg.seeds.rows.item import (
    DoubtfulRowError,
    Gold,
    Item,
    MalformedRowError,
    Row,
    digits,
    found,
    text,
)
from tsdg.seeds.rows.row_forms import Form

_CALCULATED = re.compile(r"<<[^<>\n]*>>")
_NUMBER = re.compile(r"\d+(?:\.\d+)?|\.\d+")
_CLOSE = 1e-6
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
    final = digits(match.group(1))
    if "=" in steps and not _reached(steps, float(final)):
        raise DoubtfulRowError(
            "answer", f"found #### {final}, which the last line of its solution does not come to"
        )
    return Gold(kind="number", answer=final, solution=steps)


def _reached(steps: str, final: float) -> bool:
    """Whether the last line of a worked solution has the final number, or it in cents."""
    numbers = _NUMBER.findall(re.sub(r"(?<=\d)[ ,](?=\d{3}\b)", "", steps.splitlines()[-1]))
    return any(
        abs(float(number) * scale - abs(final)) < _CLOSE
        for number in numbers
        for scale in (1, 100, 0.01)
    )


FORMS = {"": Form(columns=("question", "answer"), item=item, gold=gold)}
