"""NQ-Open: questions typed into a search engine, answered without a document.

lm-eval's gold is the list of answers.

Hub path ``google-research-datasets/nq_open``, splits train (87,925) and validation (scored),
CC-BY-SA-3.0. A record::

    {"question": "what river flows through basel", "answer": ["Rhine", "the Rhine"]}

The answers of a row are those of several annotators. Where they have no word in common they are
parts of a list (the colours of a flag) or contradict one another, and the first is not the right
one.
"""

from __future__ import annotations

import re

from tsdg.seeds.rows.item import DoubtfulRowError, Gold, Item, Row, found, text, texts
from tsdg.seeds.rows.row_forms import Form, asked
from tsdg.seeds.rows.spans import answered


def item(row: Row) -> Item:
    """The question, which is in lower case without a mark."""
    return Item(question=asked(text(row, "question")))


def gold(row: Row, item: Item) -> Gold:
    """The first answer; the others are right as well."""
    plain = [answer.rstrip("* ") for answer in texts(row, "answer")]  # marks of footnotes
    gold = answered("short_text", plain, "answer")
    apart = [alias for alias in gold.aliases if not _alike(gold.answer, alias)]
    if apart:
        raise DoubtfulRowError(
            "answer", f"{found(gold.answer)} and {found(apart[0])} have no word in common"
        )
    return gold


_IDLE = frozenset(
    ["a", "an", "and", "at", "by", "for", "from", "in", "of", "on", "or", "the", "to"]
)
_NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def _words(answer: str) -> list[str]:
    words = re.findall(r"\w+", answer.casefold())
    return [str(_NUMBERS.index(word)) if word in _NUMBERS else word for word in words]


def _alike(one: str, other: str) -> bool:
    """Whether two answers have a word in common, or one has the other's initials."""
    mine, theirs = _words(one), _words(other)
    if set(mine) & set(theirs) - _IDLE:
        return True
    return any(
        "".join(short) == "".join(word[0] for word in long if word not in _IDLE)
        for short, long in ((mine, theirs), (theirs, mine))
        if len(long) > 1
    )


FORMS = {"": Form(columns=("question", "answer"), item=item, gold=gold)}
