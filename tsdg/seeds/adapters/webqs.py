"""WebQuestions: short factual questions.

Every "choice" of lm-eval's task is gold; here they are answer and aliases.

Hub path ``stanfordnlp/web_questions``, splits train (3,778) and test (2,032), CC-BY-4.0. A record::

    {"url": "http://www.freebase.com/view/en/atlantis_town", "question": "what river flows through atlantis town?",
     "answers": ["Blue River", "River Blue"]}
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tsdg.seeds.item import Gold, Item, Row, sentence, text, texts

if TYPE_CHECKING:
    from tsdg.seeds.catalogue import Unit


def columns(unit: Unit) -> tuple[str, ...]:
    """Columns that are read."""
    return ("question", "answers")


def shuffle(unit: Unit) -> bool:
    """There are no options."""
    return False


def item(row: Row, unit: Unit) -> Item:
    """The question."""
    return Item(question=sentence(text(row, "question")))


def gold(row: Row, unit: Unit, item: Item) -> Gold:
    """The first answer; the others are right as well."""
    answers = tuple(dict.fromkeys(texts(row, "answers")))
    return Gold(kind="short_text", answer=answers[0], aliases=answers[1:])
