"""MEDIQA-QA 2019.

Patients' questions with answers found on medical pages and ranked. lm-eval takes the first found.

Hub path ``bigbio/mediqa_qa`` (a loading script: the mirror must hold Parquet), splits
train_live_qa_med (104), validation and test (scored), licence unknown. A record::

    {"QUESTION": {"QID": "1", "QuestionText": "Can I take aspirin with beer?",
     "AnswerList": [{"Answer": {"AID": "1_1", "SystemRank": "1", "ReferenceRank": "2",
     "ReferenceScore": "2", "AnswerURL": "...", "AnswerText": "It may ..."}}]}}
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tsdg.seeds.rows.item import Gold, Item, MalformedRowError, Row, found, text
from tsdg.seeds.rows.row_forms import Form

_RELATED = 3
"""Scores below this one mean related (2) or wrong (1)."""


def item(row: Row) -> Item:
    """The patient's question."""
    return Item(question=" ".join(text(_asked(row), "QuestionText").split()))


def gold(row: Row, item: Item) -> Gold:
    """The answer with the best reference score, 4 being excellent; the first of equals."""
    answers = _asked(row).get("AnswerList")
    if not isinstance(answers, (list, tuple)) or not answers:
        raise MalformedRowError(
            "QUESTION.AnswerList", f"found {found(answers)}, answers are needed"
        )
    best = max(
        (entry["Answer"] for entry in answers),
        key=lambda answer: int(answer.get("ReferenceScore") or 0),
    )
    if int(best.get("ReferenceScore") or 0) < _RELATED:
        raise MalformedRowError(
            "QUESTION.AnswerList", "no answer was judged to be more than related to the question"
        )
    return Gold(kind="text", answer=text(best, "AnswerText"))


def _asked(row: Row) -> Mapping[str, Any]:
    value = row["QUESTION"]
    if not isinstance(value, Mapping):
        raise MalformedRowError(
            "QUESTION", f"found {found(value)}, a question with its answers is needed"
        )
    return value


FORMS = {"": Form(columns=("QUESTION",), item=item, gold=gold)}
