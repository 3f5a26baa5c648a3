"""DROP: questions on a passage whose answer is counted, computed or found in it.

lm-eval's YAML joins the names of a struct's fields. An answer of several spans is a list.

Hub path ``EleutherAI/drop``, splits train (77,400) and validation (scored), CC-BY-SA-4.0. A
record::

    {"section_id": "nfl_1", "passage": "The Owls scored in the first and third quarter ...",
     "query_id": "q1", "question": "In how many quarters did the Owls score?",
     "answer": {"number": "2", "date": {"day": "", "month": "", "year": ""}, "spans": [],
     "worker_id": "", ...}, "validated_answers": {"number": ["2"], "date": [{...}], "spans": [[]],
     "worker_id": ["w"], "hit_id": ["h"]}}
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tsdg.seeds.rows.item import (
    DoubtfulRowError,
    Gold,
    Item,
    MalformedRowError,
    Row,
    digits,
    found,
    noted,
    part,
    text,
)
from tsdg.seeds.rows.row_forms import Form, listed

_SUBJECTS = {"nfl": "American football"}
"""Passages are numbered within these; the other ones are of history."""
_LOST = re.compile(r"\b(?:was|were|of|is|about|by|at|for|than) \.(?=\s)")
"""Where a passage lost its numbers, as most of those from the census did."""
_NUMBER = re.compile(r"-?(?:\d[\d,]*(?:\.\d+)?|\.\d+)")
_MEASURE = re.compile(rf"({_NUMBER.pattern})[- ]?(%|[a-z]+)")
_COUNTS = re.compile(
    r"\d|\b(?:no|none|zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twice"
    r"|once|dozen|hundred|thousand|million|half|both)",
    re.IGNORECASE,
)
_YEARS = re.compile(
    r"\bhow many years\b(?:(?!\b(?:before|after|since|until)\b).)*?\b(\d{3,4})"
    r"\s*(?:-|–|to|and|until)\s*(\d{3,4})\b.*\b(?:last|take|span|go on|continue|endure)",
    re.IGNORECASE,
)
"""A question how long something lasted, with the years of its beginning and its end."""
_YEAR_SPAN = 3
"""Years by which a gold may miss the difference of two years that its question names."""


def item(row: Row) -> Item:
    """The question about the passage."""
    passage = text(row, "passage")
    if lost := _LOST.search(passage):
        raise MalformedRowError(
            "passage",
            f"found {found(passage[lost.start() : lost.end() + 12])}: a number is missing",
        )
    source = noted(row, ("section_id",)).partition("_")[0]
    return Item(
        question=text(row, "question"), context=passage, subject=_SUBJECTS.get(source, source)
    )


def gold(row: Row, item: Item) -> Gold:
    """The number, the date or the spans; what other annotators answered counts as well."""
    answers = [_answer(row["answer"]), *_others(row["validated_answers"])]
    said = next((answer for answer in answers if answer), ())
    if not said:
        raise MalformedRowError(
            "answer", f"found {found(row['answer'])}, a number, a date or spans are needed"
        )
    if len(said) > 1:  # other annotators' lists are other lists
        return listed(said)
    number = _counted(said[0], item.question)
    if _NUMBER.fullmatch(number):  # a second reading of a number is another number
        _check_years(item.question, digits(number))
        return Gold(kind="number", answer=digits(number))
    aliases = dict.fromkeys(answer[0] for answer in answers if len(answer) == 1)
    return Gold(
        kind="short_text", answer=number, aliases=tuple(one for one in aliases if one != number)
    )


def _others(validated: object) -> list[tuple[str, ...]]:
    """What other annotators answered, where the columns hold it in the usual form."""
    parts = [part(validated, name) or () for name in ("number", "date", "spans")]
    if not all(isinstance(column, (list, tuple)) for column in parts):
        return []
    rows = zip(*parts, strict=False)
    return [_answer({"number": n, "date": date, "spans": spans}) for n, date, spans in rows]


def _answer(answer: object) -> tuple[str, ...]:
    """What is answered: several texts of a list, none where nothing is."""
    if not isinstance(answer, Mapping):
        return ()
    number, date, spans = answer.get("number"), answer.get("date"), answer.get("spans")
    if number:
        return (str(number).strip(),)
    if isinstance(spans, (list, tuple)) and any(spans):
        return tuple(dict.fromkeys(str(span).strip() for span in spans if span))
    parts = [date.get(name) for name in ("day", "month", "year")] if date else []
    return (" ".join(map(str, filter(None, parts))),) if any(parts) else ()


def _counted(answer: str, question: str) -> str:
    """The number of ``19-yard``, where the question asks how many yards; else the answer.

    Raises:
        DoubtfulRowError: it is asked how many, and the answer has no number.
    """
    if not question.lower().startswith("how many"):
        return answer
    measure: Any = _MEASURE.fullmatch(answer.lower())
    unit = measure and measure[2].rstrip("s%").replace("percent", "")
    if measure and unit in question.lower():
        return str(measure[1])
    if not _COUNTS.search(answer):
        raise DoubtfulRowError("answer", f"found {found(answer)}, and the question asks how many")
    return answer


def _check_years(question: str, number: str) -> None:
    """Doubt a number of years that is not what lies between the years of the question."""
    if named := _YEARS.search(question):
        between = abs(int(named[2]) - int(named[1]))
        if abs(float(number) - between) > _YEAR_SPAN:
            raise DoubtfulRowError(
                "answer", f"found {number}, and {named[1]} to {named[2]} are {between} years"
            )


FORMS = {
    "": Form(columns=("passage", "question", "answer", "validated_answers"), item=item, gold=gold)
}
