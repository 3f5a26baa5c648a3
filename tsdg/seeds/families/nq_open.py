"""NQ-Open: questions typed into a search engine, answered without a document.

lm-eval's gold is the list of answers.

Hub path ``google-research-datasets/nq_open``, splits train (87,925) and validation (scored),
CC-BY-SA-3.0. A record::

    {"question": "what river flows through basel", "answer": ["Rhine", "the Rhine"]}
"""

from __future__ import annotations

from tsdg.seeds.rows.item import Gold, Item, Row, text, texts
from tsdg.seeds.rows.row_forms import Form, answered, asked


def item(row: Row) -> Item:
    """The question, which is in lower case without a mark."""
    return Item(question=asked(text(row, "question")))


def gold(row: Row, item: Item) -> Gold:
    """The first answer; the others are right as well."""
    return answered("short_text", texts(row, "answer"), "answer")


FORMS = {"": Form(columns=("question", "answer"), item=item, gold=gold)}
