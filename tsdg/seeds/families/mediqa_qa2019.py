"""MEDIQA-QA 2019: patients' questions with ranked answers from medical pages.

lm-eval takes the answer that was found first.

Hub path ``bigbio/mediqa_qa`` (a loading script: the mirror must hold Parquet), splits
train_live_qa_med (104), validation and test (scored), licence unknown. A record::

    {"QUESTION": {"QID": "1", "QuestionText": "Can I take aspirin with beer?",
     "AnswerList": [{"Answer": {"AID": "1_1", "SystemRank": "1", "ReferenceRank": "2",
     "ReferenceScore": "2", "AnswerURL": "...", "AnswerText": "It may ..."}}]}}
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tsdg.seeds.rows.item import (
    Gold,
    Item,
    MalformedRowError,
    Row,
    as_text,
    found,
    part,
    text,
)
from tsdg.seeds.rows.row_forms import Form

_REPEATED = re.compile(r"^(.{2,120}?)[.?!]+ (?=\1)", re.IGNORECASE)
_RELATED = 3
"""Scores below this one mean related (2) or wrong (1)."""


def item(row: Row) -> Item:
    """The patient's subject and message; a message that begins with its subject says it once."""
    asked = " ".join(text(_asked(row), "QuestionText").split())
    return Item(question=_REPEATED.sub("", asked.lstrip(" .")))


def gold(row: Row, item: Item) -> Gold:
    """The answer with the best reference score, 4 being excellent; the first of equals."""
    answers = [one for one in part(_asked(row).get("AnswerList"), "Answer") or () if one]
    if not answers:
        raise MalformedRowError("QUESTION.AnswerList", "found no answers, some are needed")
    best = max(answers, key=_score)
    if _score(best) < _RELATED:
        raise MalformedRowError(
            "QUESTION.AnswerList", "no answer was judged to be more than related to the question"
        )
    return Gold(kind="text", answer=text(best, "AnswerText"))


def _score(answer: Mapping[str, Any]) -> int:
    """The reference score; 0 where there is none."""
    return int(as_text(answer.get("ReferenceScore")) or 0)


def _asked(row: Row) -> Mapping[str, Any]:
    value = row["QUESTION"]
    if not isinstance(value, Mapping):
        raise MalformedRowError(
            "QUESTION", f"found {found(value)}, a question with its answers is needed"
        )
    return value


FORMS = {"": Form(columns=("QUESTION",), item=item, gold=gold)}
