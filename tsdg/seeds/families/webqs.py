"""WebQuestions: short factual questions.

Every "choice" of lm-eval's task is gold; here they are answer and aliases.

Hub path ``stanfordnlp/web_questions``, splits train (3,778) and test (2,032), CC-BY-4.0. A record::

    {"url": "http://www.freebase.com/view/en/atlantis_town",
     "question": "what river flows through atlantis town?", "answers": ["Blue River", "River Blue"]}
"""

from __future__ import annotations

from tsdg.seeds.rows.item import Gold, Item, Row, sentence, text, texts
from tsdg.seeds.rows.row_forms import Form


def item(row: Row) -> Item:
    """The question."""
    return Item(question=sentence(text(row, "question")))


def gold(row: Row, item: Item) -> Gold:
    """The first answer; the others are right as well."""
    answers = tuple(dict.fromkeys(texts(row, "answers")))
    return Gold(kind="short_text", answer=answers[0], aliases=answers[1:])


FORMS = {"": Form(columns=("question", "answers"), item=item, gold=gold)}
