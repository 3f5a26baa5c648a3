"""SWAG: what happens next in a film.

lm-eval asks nothing. It scores the continuations of an open sentence.

Hub path ``allenai/swag``, config ``regular``, splits train (73,546), validation (scored) and test,
MIT upstream. A record::

    {"video-id": "anetv_x", "fold-ind": "1", "startphrase": "A man lifts a cup. He",
     "sent1": "A man lifts a cup.", "sent2": "He", "gold-source": "gold",
     "ending0": "drinks from it.", "ending1": "is a cup.", "ending2": "rains.",
     "ending3": "plants a tree.", "label": 0}
"""

from __future__ import annotations

from tsdg.seeds.rows.item import Gold, Item, Row, labelled, text
from tsdg.seeds.rows.row_forms import Form

_ENDINGS = ("ending0", "ending1", "ending2", "ending3")


def item(row: Row) -> Item:
    """The scene and the open sentence, cut off where the endings go on."""
    question = f"How does this go on? {text(row, 'startphrase')} ..."
    return Item(question=question, options=tuple(text(row, column) for column in _ENDINGS))


def gold(row: Row, item: Item) -> Gold:
    """The label counts from 0."""
    return labelled(row, "label", item)


FORMS = {"": Form(columns=("startphrase", *_ENDINGS, "label"), item=item, gold=gold)}
