"""RACE: English exams of Chinese pupils, on short articles.

lm-eval reads another copy, which has the test alone.

Hub path ``ehovy/race``, configs ``high`` (62,445) and ``middle`` (25,421), splits train, validation
and test, for non-commercial research. One row is one question; the article is repeated in every row
on it. A record::

    {"example_id": "high1.txt", "article": "Mia walked to the lake. It was frozen.", "answer": "B",
     "question": "What was the lake like?", "options": ["Warm.", "Frozen.", "Deep.", "Dirty."]}
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial

from tsdg.seeds.rows.item import Gold, Item, Row, text, texts
from tsdg.seeds.rows.row_forms import Form, lettered

_EMPTY = re.compile(r" ?\( ?\)(?=\?)|(?<=\?) ?\( ?\)")
"""Where the letter was to be written, beside a question mark."""


def item(row: Row) -> Item:
    """The question on the article; a blank in it is to be filled by an option."""
    return Item(
        question=_spaced(text(row, "question")),
        context=text(row, "article"),
        options=texts(row, "options"),
    )


def _levelled(level: str, row: Row) -> Item:
    return replace(item(row), level=level)


def gold(row: Row, item: Item) -> Gold:
    """The letter."""
    return lettered(row, "answer", item)


def _spaced(value: str) -> str:
    """One blank is written in a dozen ways: as one or many underscores with spaces around."""
    value = _EMPTY.sub("", " ".join(value.split()))
    return re.sub(r"\s*_[_\s]*", " _ ", value).replace(" _ .", " _.").strip()


_FORM = Form(columns=("article", "question", "options", "answer"), item=item, gold=gold)
FORMS = {
    config: replace(_FORM, item=partial(_levelled, level))
    for config, level in (("middle", "middle school"), ("high", "high school"))
}
