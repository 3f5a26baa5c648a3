"""MuTual: the next line of a conversation.

The source is in lower case and split into tokens. Spaces and capitals are mended.

Hub path ``EleutherAI/mutual``, configs ``mutual`` and ``mutual_plus``, splits train (7,088 each),
validation (scored), test (labels hidden). A record::

    {"answers": "A", "options": ["f : yes , it 's two stops from here .", "f : i had soup .",
     "f : he is nine .", "f : the bus is green ."], "article": "m : is there a bakery nearby ?",
     "id": "train_0"}
"""

from __future__ import annotations

import re

from tsdg.seeds.rows.item import Gold, Item, Row, text, texts
from tsdg.seeds.rows.residue import capitalised, joined
from tsdg.seeds.rows.row_forms import Form, lettered

_SPEAKER = re.compile(r"(?:^|\s+)([mf]) ?: ?")
_SPEAKERS = {"m": "Man", "f": "Woman"}


def item(row: Row) -> Item:
    """The conversation so far, one turn a line."""
    return Item(
        question="Which line comes next in this conversation?",
        context=_mended(text(row, "article")),
        options=tuple(_mended(option) for option in texts(row, "options")),
    )


def gold(row: Row, item: Item) -> Gold:
    """The real next line."""
    return lettered(row, "answers", item)


def _mended(value: str) -> str:
    """Turns of the man (``m``) and the woman (``f``), written as sentences are."""
    before, *turns = _SPEAKER.split(value)
    said = [joined(turn.strip(), "en").replace("$ ", "$") for turn in (before, *turns[1::2])]
    names = ["", *(f"{_SPEAKERS[mark]}: " for mark in turns[::2])]
    lines = (name + capitalised(turn) for name, turn in zip(names, said, strict=True) if turn)
    return "\n".join(lines)


FORMS = {"": Form(columns=("answers", "options", "article"), item=item, gold=gold)}
