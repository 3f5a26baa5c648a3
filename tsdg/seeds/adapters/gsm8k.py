r"""GSM8K: grade-school word problems.

The number after ``####`` is the answer, the worked solution before it is not.

Hub path ``openai/gsm8k``, config ``main``, splits train (7,473) and test (1,319), MIT. A record::

    {"question": "A shelf holds 3 rows of 4 jars. How many jars are on the shelf?",
     "answer": "There are 3*4=<<3*4=12>>12 jars.\n#### 12"}
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tsdg.seeds.item import Gold, Item, MalformedRowError, Row, digits, found, text

if TYPE_CHECKING:
    from tsdg.seeds.catalogue import Unit

_FINAL = re.compile(r"####\s*\$?\s*(-?[\d,]*\.?\d+)\s*$")


def columns(unit: Unit) -> tuple[str, ...]:
    """Columns that are read."""
    return ("question", "answer")


def shuffle(unit: Unit) -> bool:
    """There are no options."""
    return False


def item(row: Row, unit: Unit) -> Item:
    """The problem."""
    return Item(question=text(row, "question"))


def gold(row: Row, unit: Unit, item: Item) -> Gold:
    """The final number, without thousands separators."""
    answer = text(row, "answer")
    match = _FINAL.search(answer)
    if match is None:
        raise MalformedRowError(
            "answer", f"found {found(answer[-40:])} at its end, '#### <number>' is needed"
        )
    return Gold(kind="number", answer=digits(match.group(1)))
