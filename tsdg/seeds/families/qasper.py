"""Qasper: questions on research papers.

Each row is a paper. Its first question with a stated answer is asked.

Hub path ``allenai/qasper``, splits train (888 papers), validation and test (scored), CC-BY-4.0. The
context is the abstract and the paragraphs that the annotator named as evidence. A record::

    {"id": "1909.1", "title": "On owls", "abstract": "We count owls.", "full_text": {...},
     "qas": {"question": ["How many owls do they count?"], "question_id": ["q1"], ...,
     "answers": [{"answer": [{"unanswerable": false, "extractive_spans": [], "yes_no": null,
     "free_form_answer": "Twelve", "evidence": ["We saw twelve owls."],
     "highlighted_evidence": [...]}], "annotation_id": [...], "worker_id": [...]}]},
     "figures_and_tables": {...}}
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tsdg.seeds.rows.item import Gold, Item, MalformedRowError, Row, chosen, part, text
from tsdg.seeds.rows.row_forms import Form, asked

_YES_NO = ("yes", "no")
_FIGURE = "FLOAT SELECTED"
"""Begins evidence that is a figure or a table, of which the row has the caption only."""


_CITATION = re.compile(r"[\s,;()]*(?:(?:BIB|TAB|FIG|SEC|EQ)REF\d+[\s,;()]*)+")
"""A marked phrase that is nothing but references, which name nothing without their list."""


def item(row: Row) -> Item:
    """The question; of a yes-or-no question, with these options."""
    question, answer = _first(row)
    passages = [passage.strip() for passage in _shown(answer)]
    context = "\n\n".join([text(row, "title"), text(row, "abstract"), *passages])
    return Item(
        question=asked(question),
        context=context,
        options=_YES_NO if answer["yes_no"] is not None else (),
    )


def gold(row: Row, item: Item) -> Gold:
    """Yes or no, the free answer, or the marked phrases."""
    _, answer = _first(row)
    if answer["yes_no"] is not None:
        return chosen(item, _YES_NO.index("yes" if answer["yes_no"] else "no"), "qas")
    free = (answer["free_form_answer"] or "").strip()
    return Gold(kind="text", answer=free or ", ".join(dict.fromkeys(answer["extractive_spans"])))


def _first(row: Row) -> tuple[str, Mapping[str, Any]]:
    """The first question whose first answer is stated, with evidence in the text."""
    questions, answers = part(row["qas"], "question"), part(row["qas"], "answers")
    for question, given in zip(questions, answers, strict=True):
        answer = part(given, "answer")[0]
        if question.strip() and _stated(answer) and _shown(answer):
            return question.strip(), answer
    raise MalformedRowError(
        "qas", "no question of this paper has an answer with evidence in its text"
    )


def _stated(answer: Mapping[str, Any]) -> bool:
    """Whether an annotator gave an answer."""
    spans = [span for span in answer["extractive_spans"] or () if not _CITATION.fullmatch(span)]
    said = answer["free_form_answer"] or spans
    return not answer["unanswerable"] and (answer["yes_no"] is not None or bool(said))


def _shown(answer: Mapping[str, Any]) -> list[str]:
    """The paragraphs that an annotator named as evidence."""
    return [passage for passage in answer["evidence"] or () if not passage.startswith(_FIGURE)]


FORMS = {"": Form(columns=("title", "abstract", "qas"), item=item, gold=gold, classes=True)}
