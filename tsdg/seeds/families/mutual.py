"""MuTual: the next line of a conversation.

The source is in lower case and split into tokens; the spaces are mended.

Hub path ``EleutherAI/mutual``, configs ``mutual`` and ``mutual_plus``, splits train (7,088 each),
validation (scored), test (labels hidden). A record::

    {"answers": "A", "options": ["f : yes , it 's two stops from here .", "f : i had soup .",
     "f : he is nine .", "f : the bus is green ."], "article": "m : is there a bakery nearby ?",
     "id": "train_0"}
"""

from __future__ import annotations

import re

from tsdg.seeds.rows.item import (
    Gold,
    Item,
    MalformedRowError,
    Row,
    chosen,
    found,
    joined,
    text,
    texts,
)
from tsdg.seeds.rows.row_forms import Form

_LETTERS = "ABCD"
_SPEAKER = re.compile(r"(?:^|\s+)([mf]) ?: ?")


def item(row: Row) -> Item:
    """The conversation so far, one turn a line."""
    return Item(
        question="Which line comes next in this conversation?",
        context=_mended(text(row, "article")),
        options=tuple(_mended(option) for option in texts(row, "options")),
    )


def gold(row: Row, item: Item) -> Gold:
    """The real next line."""
    letter = text(row, "answers")
    if len(letter) != 1 or letter not in _LETTERS:
        raise MalformedRowError("answers", f"found {found(letter)}, allowed are A to D")
    return chosen(item, _LETTERS.index(letter), "answers")


def _mended(value: str) -> str:
    turns = _SPEAKER.sub(lambda match: f"\n{match.group(1).upper()}: ", value)
    return joined(turns).replace("$ ", "$").strip()


FORMS = {"": Form(columns=("answers", "options", "article"), item=item, gold=gold)}
