"""WinoGrande: a sentence with a blank, and two candidates for it.

lm-eval scores the two filled sentences and asks nothing.

Hub path ``allenai/winogrande``, configs ``winogrande_xl`` (train 40,398) down to ``winogrande_xs``,
CC-BY. A record::

    {"sentence": "The mug would not fit under the tap because the _ was too tall.",
     "option1": "mug", "option2": "tap", "answer": "1"}
"""

from __future__ import annotations

from tsdg.seeds.rows.item import Gold, Item, MalformedRowError, Row, chosen, found, integer, text
from tsdg.seeds.rows.row_forms import Form


def item(row: Row) -> Item:
    """The sentence with its blank."""
    sentence = " ".join(text(row, "sentence").split())
    if sentence.count("_") != 1:
        raise MalformedRowError(
            "sentence", f"found {sentence.count('_')} blanks in {found(sentence)}, one is needed"
        )
    return Item(question=sentence, options=(text(row, "option1"), text(row, "option2")))


def gold(row: Row, item: Item) -> Gold:
    """The candidate that fills the blank."""
    return chosen(item, integer(row, "answer") - 1, "answer")


FORMS = {"": Form(columns=("sentence", "option1", "option2", "answer"), item=item, gold=gold)}
