"""NQ-Open.

Questions typed into a search engine, answered without a document. lm-eval's gold is the list of
answers.

Hub path ``google-research-datasets/nq_open``, splits train (87,925) and validation (scored),
CC-BY-SA-3.0. A record::

    {"question": "what river flows through basel", "answer": ["Rhine", "the Rhine"]}
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tsdg.seeds.forms import answered, asked
from tsdg.seeds.item import Gold, Item, Row, text, texts

if TYPE_CHECKING:
    from tsdg.seeds.catalogue import Unit


def columns(unit: Unit) -> tuple[str, ...]:
    """Columns that are read."""
    return ("question", "answer")


def shuffle(unit: Unit) -> bool:
    """There are no options."""
    return False


def item(row: Row, unit: Unit) -> Item:
    """The question, which is in lower case without a mark."""
    return Item(question=asked(text(row, "question")))


def gold(row: Row, unit: Unit, item: Item) -> Gold:
    """The first answer; the others are right as well."""
    return answered("short_text", texts(row, "answer"), "answer")
