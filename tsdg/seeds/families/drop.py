"""DROP.

Questions on a passage whose answer is counted, computed or found in it. lm-eval's YAML joins struct
keys.

Hub path ``EleutherAI/drop``, splits train (77,400) and validation (scored), CC-BY-SA-4.0. A
record::

    {"section_id": "nfl_1", "passage": "The Owls scored in the first and third quarter ...",
     "query_id": "q1", "question": "In how many quarters did the Owls score?",
     "answer": {"number": "2", "date": {"day": "", "month": "", "year": ""}, "spans": [],
     "worker_id": "", ...}, "validated_answers": {"number": ["2"], "date": [{...}], "spans": [[]],
     "worker_id": ["w"], "hit_id": ["h"]}}
"""

from __future__ import annotations

from collections.abc import Mapping
from html import unescape
from typing import Any

from tsdg.seeds.rows.item import Gold, Item, MalformedRowError, Row, digits, found, noted, text
from tsdg.seeds.rows.row_forms import Form

_SUBJECTS = {"nfl": "American football"}
"""Passages are numbered within these; the other ones are of history."""


def item(row: Row) -> Item:
    """The question about the passage, which has some HTML entities left in it."""
    source = noted(row, ("section_id",)).partition("_")[0]
    return Item(
        question=unescape(text(row, "question")),
        context=unescape(text(row, "passage")),
        subject=_SUBJECTS.get(source, source),
    )


def gold(row: Row, item: Item) -> Gold:
    """The number, the date or the spans; what other annotators answered counts as well."""
    answers = [_answer(row["answer"])]
    others: Any = row["validated_answers"] or {}
    parts = (others.get(part) or () for part in ("number", "date", "spans"))
    for number, date, spans in zip(*parts, strict=False):
        answers.append(_answer({"number": number, "date": date, "spans": spans}))
    texts = list(dict.fromkeys(answer for answer in answers if answer))
    if not texts:
        raise MalformedRowError(
            "answer", f"found {found(row['answer'])}, a number, a date or spans are needed"
        )
    is_number = texts[0].replace(".", "", 1).replace(",", "").lstrip("-").isdigit()
    if is_number:  # a second reading of a number is another number, and only one can be right
        return Gold(kind="number", answer=digits(texts[0]))
    return Gold(kind="short_text", answer=texts[0], aliases=tuple(texts[1:]))


def _answer(answer: object) -> str:
    if not isinstance(answer, Mapping):
        return ""
    number, date, spans = answer.get("number"), answer.get("date") or {}, answer.get("spans") or []
    if number:
        return str(number).strip()
    if spans:
        return ", ".join(dict.fromkeys(unescape(span).strip() for span in spans if span))
    return " ".join(date[part] for part in ("day", "month", "year") if date.get(part))


FORMS = {
    "": Form(columns=("passage", "question", "answer", "validated_answers"), item=item, gold=gold)
}
