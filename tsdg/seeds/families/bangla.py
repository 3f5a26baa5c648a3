"""Bangla translations of BoolQ, CommonsenseQA, OpenBookQA and PIQA.

In lm-eval the options are English words and letters.

Hub paths ``hishab/...``, splits train, validation and test (scored), licences unverified. Records::

    {"passage": "তিমি স্তন্যপায়ী।", "question": "তিমি কি মাছ?", "answer": "no"}
    {"id": "a1", "question_stem": "ভেজা কোট কোথায় ঝোলানো হয়?", "choices": {"label": ["A", "B"],
     "text": ["হুক", "বই"]}, "answerKey": "A"}
    {"goal": "ভাত রান্না করতে", "sol1": "পানিতে সিদ্ধ করো", "sol2": "রোদে শুকাও", "label": 0}
"""

from __future__ import annotations

from dataclasses import replace

from tsdg.seeds.rows.item import Gold, Item, MalformedRowError, Row, chosen, found, labelled, text
from tsdg.seeds.rows.row_forms import Form, chosen_label, classified, labelled_choices

_BOOLQ = classified(
    "bangla",
    "boolq",
    context=("passage",),
    quoted=("question",),
    label="answer",
    names=("yes", "no"),
)


def _yes_no(row: Row, item: Item) -> Gold:
    """Yes or no as a word or a truth value.

    A number would be lm-eval's index, the reverse of the truth value.
    """
    answer = row["answer"]
    if isinstance(answer, bool):
        return chosen(item, 0 if answer else 1, "answer")
    if not isinstance(answer, str):
        raise MalformedRowError("answer", f"found {found(answer)}, allowed are yes, no")
    return _BOOLQ.gold({"answer": answer.lower()}, item)


_CHOICES = Form(
    columns=("question_stem", "choices", "answerKey"),
    item=lambda row: labelled_choices(row, "question_stem", "choices"),
    gold=lambda row, item: chosen_label(row, "answerKey", "choices", item),
)
FORMS = {
    "hishab/boolq_bn": replace(_BOOLQ, gold=_yes_no),
    "hishab/commonsenseqa-bn": _CHOICES,
    "hishab/openbookqa-bn": _CHOICES,
    "hishab/piqa-bn": Form(
        columns=("goal", "sol1", "sol2", "label"),
        item=lambda row: Item(
            question=text(row, "goal"), options=(text(row, "sol1"), text(row, "sol2"))
        ),
        gold=lambda row, item: labelled(row, "label", item),
    ),
}
