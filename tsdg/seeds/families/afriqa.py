"""AfriQA.

Questions in African languages on English or French paragraphs. lm-eval's prompts begin with an
instruction.

Hub path ``masakhane/afriqa-gold-passages`` (a loading script: the mirror must hold Parquet),
configs ``bem fon hau ibo kin swa twi yor zul``, splits train, validation and test (scored),
CC-BY-SA-4.0. A record::

    {"id": "1", "question_lang": "Mji wa Basel uko kwenye mto gani?",
     "question_translated": "On what river is Basel?", "title": "Basel",
     "context": "Basel lies on the Rhine.", "answer_pivot": "Rhine", "answer_lang": "Rhine", ...}
"""

from __future__ import annotations

from tsdg.seeds.rows.item import Gold, Item, Row, text
from tsdg.seeds.rows.row_forms import Form, answered, spans


def item(row: Row) -> Item:
    """The question on the paragraph."""
    return Item(question=text(row, "question_lang"), context=text(row, "context"))


def gold(row: Row, item: Item) -> Gold:
    """The marked text, in the paragraph's language; some copies have it in SQuAD's form."""
    if isinstance(row["answer_pivot"], str):
        return answered("short_text", [text(row, "answer_pivot")], "answer_pivot")
    return spans(row, "answer_pivot")


FORMS = {
    "": Form(
        columns=("question_lang", "context", "answer_pivot"),
        item=item,
        gold=gold,
        subject=("title",),
    )
}
