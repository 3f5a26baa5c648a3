"""AfriQA: questions in African languages on English or French paragraphs.

lm-eval's prompts begin with an instruction.

Hub path ``masakhane/afriqa-gold-passages`` (a loading script: the mirror must hold Parquet),
configs ``bem fon hau ibo kin twi yor zul``, splits train, validation and test (scored; of ``swa``
there is no train), CC-BY-SA-4.0. Some hundred rows are answered by yes or no. A record::

    {"id": "1", "question_lang": "Mji wa Basel uko kwenye mto gani?",
     "question_translated": "On what river is Basel?", "title": "Basel",
     "context": "Basel lies on the Rhine.", "answer_pivot":
     {"answer_start": [20], "text": ["Rhine"]}, "answer_lang": "Rhine", ...}
"""

from __future__ import annotations

import re

from tsdg.seeds.rows.item import DoubtfulRowError, Gold, Item, Row, part, sentence, text, unprinted
from tsdg.seeds.rows.row_forms import Form, named
from tsdg.seeds.rows.spans import answered, spans, uncited

_YES_NO = ("yes", "no")
_NUMBERED = re.compile(r"^\w+_paragraph_\d+\s+")
"""The name of its article and the number of the paragraph, before some paragraphs."""
_HEADING = re.compile(
    r"(?<=[.!?\"”])\s+(?:(?:Early|Personal|Later|Private) (?:life|years|career)"
    r"|(?:\w+ )?(?:[Cc]areer|[Hh]istory)|Prehistory|Etymology|Background|Biography|Geography"
    r"|Overview|Description|Definitions?|Terminology|Origins?|Names?|Life|Biographie|Histoire"
    r"|Carrière|Géographie|Présentation|Toponymie|Enfance)\.$"
)
"""The heading of the next section, after some paragraphs."""


def _marked(row: Row) -> Row:
    """The row with its answer in SQuAD's form: some copies have it as a text, or as printed."""
    value = unprinted(row["answer_pivot"])
    if isinstance(value, list) and all(isinstance(entry, str) for entry in value):
        value = {"text": value}
    return {**row, "answer_pivot": {"text": [value]} if isinstance(value, str) else value}


def _says_yes_or_no(row: Row) -> bool:
    said = part(_marked(row)["answer_pivot"], "text")
    return isinstance(said, list) and [str(one).strip(" .").lower() for one in said[:1]] in (
        ["yes"],
        ["no"],
    )


def _passage(row: Row) -> str:
    return _HEADING.sub("", _NUMBERED.sub("", uncited(text(row, "context"))))


def item(row: Row) -> Item:
    """The question on the paragraph; where it is answered by yes or no, with these options."""
    options = _YES_NO if _says_yes_or_no(row) else ()
    return Item(
        question=sentence(text(row, "question_lang")), context=_passage(row), options=options
    )


def gold(row: Row, item: Item) -> Gold:
    """The marked text, in the paragraph's language.

    A row whose paragraph has it nowhere, or that marks no place (-1), is doubtful.
    """
    marked = _marked(row)
    if item.options:
        answer = answered("short_text", part(marked["answer_pivot"], "text"), "answer_pivot").answer
        return named({"answer_pivot": answer.strip(" .")}, "answer_pivot", item)
    places = part(marked["answer_pivot"], "answer_start")
    if isinstance(places, list) and places and all(place == -1 for place in places):
        raise DoubtfulRowError("answer_pivot", "no place in the paragraph is marked")
    return spans({**marked, "context": _passage(row)}, "answer_pivot", "context")


FORMS = {
    "": Form(
        columns=("question_lang", "context", "answer_pivot"),
        item=item,
        gold=gold,
        classes=True,
        subject=("title",),
    )
}
