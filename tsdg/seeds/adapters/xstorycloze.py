"""XStoryCloze: the right one of two endings of a four-sentence story, in eleven languages.

Hub path ``juletxara/xstory_cloze``, configs ``ar en es eu hi id my ru sw te zh``, splits train (360
each) and eval (scored), CC-BY-SA-4.0. A record::

    {"story_id": "0", "input_sentence_1": "Leo found a kitten.", "input_sentence_2": "It was cold and hungry.",
     "input_sentence_3": "He took it home.", "input_sentence_4": "His mother warmed some milk.",
     "sentence_quiz1": "The kitten drank all of it.", "sentence_quiz2": "Leo flew to the moon.",
     "answer_right_ending": 1}
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tsdg.seeds.item import Gold, Item, Row, chosen, integer, text
from tsdg.seeds.phrases import phrase

if TYPE_CHECKING:
    from tsdg.seeds.catalogue import Unit

_SENTENCES = tuple(f"input_sentence_{number}" for number in range(1, 5))
_ENDINGS = ("sentence_quiz1", "sentence_quiz2")
_UNSPACED = ("zh",)


def columns(unit: Unit) -> tuple[str, ...]:
    """Columns that are read."""
    return (*_SENTENCES, *_ENDINGS, "answer_right_ending")


def shuffle(unit: Unit) -> bool:
    """The right ending stands at either place."""
    return False


def item(row: Row, unit: Unit) -> Item:
    """The story, and in its language the question how it ends."""
    story = ("" if unit.language in _UNSPACED else " ").join(
        text(row, column) for column in _SENTENCES
    )
    question = phrase("xstorycloze", unit.language).question
    return Item(
        question=question, context=story, options=tuple(text(row, column) for column in _ENDINGS)
    )


def gold(row: Row, unit: Unit, item: Item) -> Gold:
    """The right ending."""
    return chosen(item, integer(row, "answer_right_ending") - 1, "answer_right_ending")
