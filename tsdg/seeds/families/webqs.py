"""WebQuestions: short factual questions.

In lm-eval every "choice" is right. Several answers are the parts of one: the religions of Russia,
the wives of Charlemagne.

Hub path ``stanfordnlp/web_questions``, splits train (3,778) and test (2,032), CC-BY-4.0. A record::

    {"url": "http://www.freebase.com/view/en/atlantis_town",
     "question": "what river flows through atlantis town?", "answers": ["Blue River", "River Blue"]}
"""

from __future__ import annotations

from tsdg.seeds.rows.item import Gold, Item, MalformedRowError, Row, sentence, text, texts
from tsdg.seeds.rows.row_forms import Form, listed

_MOST = 5
"""Answers of a longer list are instances of a kind, which nobody can know to be all."""


def item(row: Row) -> Item:
    """The question."""
    return Item(question=sentence(text(row, "question")))


def gold(row: Row, item: Item) -> Gold:
    """The answer; several are all of them right together, a list.

    Those that are the same words in another order are one answer and its aliases.
    """
    answers = tuple(dict.fromkeys(texts(row, "answers")))
    words = {tuple(sorted(answer.casefold().split())): answer for answer in reversed(answers)}
    if len(words) > _MOST:
        raise MalformedRowError(
            "answers", f"found {len(words)} answers, at most {_MOST} are a list"
        )
    if len(words) > 1:
        return listed(words.values())
    return Gold(kind="short_text", answer=answers[0], aliases=answers[1:])


FORMS = {"": Form(columns=("question", "answers"), item=item, gold=gold)}
