"""TruthfulQA's primer in five languages.

Six questions each. lm-eval has it with the labels of a prompt.

Hub path ``HiTZ/truthfulqa-multi``, configs ``ca en es eu gl``, splits train (6, shown before each
scored question) and validation (scored), Apache-2.0. A record::

    {"type": "", "category": "Misc", "question": "How many moons has the Earth?", "best_answer": "One.",
     "correct_answers": ["One.", "It has one."], "incorrect_answers": ["Two.", "None."], "source": "...", "lang": "en"}
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tsdg.seeds.item import Gold, Item, Row, chosen, text, texts

if TYPE_CHECKING:
    from tsdg.seeds.catalogue import Unit


def columns(unit: Unit) -> tuple[str, ...]:
    """Columns that are read."""
    return ("question", "best_answer", "incorrect_answers")


def shuffle(unit: Unit) -> bool:
    """The right answer has a column of its own, so that every order is as good."""
    return True


def item(row: Row, unit: Unit) -> Item:
    """The question; the options are the best answer and the wrong ones."""
    options = dict.fromkeys([text(row, "best_answer"), *texts(row, "incorrect_answers")])
    return Item(question=text(row, "question"), options=tuple(options))


def gold(row: Row, unit: Unit, item: Item) -> Gold:
    """The best answer, the first of the source."""
    return chosen(item, 0, "best_answer")
