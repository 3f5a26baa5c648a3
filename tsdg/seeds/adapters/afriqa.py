"""AfriQA.

Questions in African languages on English or French paragraphs. lm-eval's prompts begin with an
instruction.

Hub path ``masakhane/afriqa-gold-passages`` (a loading script: the mirror must hold Parquet),
configs ``bem fon hau ibo kin swa twi yor zul``, splits train, validation and test (scored),
CC-BY-SA-4.0. A record::

    {"id": "1", "question_lang": "Mji wa Basel uko kwenye mto gani?", "question_translated": "On what river is Basel?",
     "title": "Basel", "context": "Basel lies on the Rhine.", "answer_pivot": "Rhine", "answer_lang": "Rhine", ...}
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tsdg.seeds.forms import answered, spans
from tsdg.seeds.item import Gold, Item, Row, text

if TYPE_CHECKING:
    from tsdg.seeds.catalogue import Unit


def columns(unit: Unit) -> tuple[str, ...]:
    """Columns that are read."""
    return ("question_lang", "context", "answer_pivot")


def shuffle(unit: Unit) -> bool:
    """There are no options."""
    return False


def item(row: Row, unit: Unit) -> Item:
    """The question on the paragraph."""
    return Item(question=text(row, "question_lang"), context=text(row, "context"))


def gold(row: Row, unit: Unit, item: Item) -> Gold:
    """The marked text, in the language of the paragraph; some copies have it in the form of SQuAD."""
    if isinstance(row["answer_pivot"], str):
        return answered("short_text", [text(row, "answer_pivot")], "answer_pivot")
    return spans(row, "answer_pivot")
