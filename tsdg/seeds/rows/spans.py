"""Answers that a passage has, word for word: where people marked them, and how well."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from tsdg.records import AnswerKind
from tsdg.seeds.rows.item import (
    DoubtfulRowError,
    Gold,
    MalformedRowError,
    Row,
    as_text,
    found,
    part,
    text,
)

_CITED = re.compile(
    r"""(?<=[\w.,;:!?%)»”"'’।۔。])(?: ?\[(?:lower-alpha |note |nb )?\d{1,3}\])+(?=$|[\s.,;:!?(])"""
)
"""Marks of an encyclopaedia's footnotes."""
_HALF_TAG = re.compile(r"^/?[a-z]{0,6}>|</?[a-z]{0,6}$")


def uncited(value: str) -> str:
    """A passage without the numbers of its footnotes.

    >>> uncited("It opened in 1990.[1][2] It closed.")
    'It opened in 1990. It closed.'
    """
    return _CITED.sub("", value)


def answered(kind: AnswerKind, answers: Iterable[object], column: str) -> Gold:
    """The gold of an item with several right answers: the first of them, the others as aliases.

    What is no text, or empty, does not count.

    Raises:
        MalformedRowError: there is none.
    """
    distinct = list(dict.fromkeys(filter(None, map(as_text, answers))))
    if not distinct:
        raise MalformedRowError(column, "found no answer")
    return Gold(kind=kind, answer=distinct[0], aliases=tuple(distinct[1:]))


def spans(row: Row, column: str, context: str = "") -> Gold:
    """The gold of a question on a passage, in SQuAD's form.

    That is ``{"text": [...], "answer_start": [...]}``, or a list of ``{"text": ..., ...}``, or
    either of them printed.

    Args:
        row: the row.
        column: of the marked texts.
        context: column of the passage, which has to have one of them; empty where it need not.

    Raises:
        MalformedRowError: the passage does not answer the question, or the column is in another
            form.
        DoubtfulRowError: the passage has none of the marked texts, or only parts of words and
            numbers are marked.
    """
    marked = part(row[column], "text")
    marked = [marked] if isinstance(marked, str) else marked
    if not isinstance(marked, (list, tuple)) or not all(isinstance(entry, str) for entry in marked):
        raise MalformedRowError(
            column, f"found {found(row[column])}, marked texts of the passage are needed"
        )
    if not any(entry.strip() for entry in marked):
        raise MalformedRowError(column, "the passage does not answer this question")
    if not context:
        return answered("short_text", marked, column)
    passage = uncited(text(row, context))
    sound = list(_sound(marked, passage))
    if not sound:
        raise DoubtfulRowError(column, f"found {found(marked[0])}, which is cut off")
    gold = answered("short_text", sound, column)
    held_in(passage, gold, column)
    return gold


def _sound(marked: Iterable[str], passage: str) -> Iterator[str]:
    """Those marked texts that are whole, with their brackets and without what hangs on them."""
    for entry in marked:
        span = uncited(entry).strip().rstrip(" ,;:")
        if span.count("(") > span.count(")") and f"{span})" in passage:
            span += ")"
        if span.count(")") > span.count("(") and span.endswith(")"):
            span = span[:-1].rstrip()
        if span and not _HALF_TAG.search(span) and not _cuts_number(span, passage):
            yield span


def _cuts_number(span: str, passage: str) -> bool:
    """Whether the passage has a text only as a part of longer numbers, as 858 in 1858."""
    places = [match.span() for match in re.finditer(re.escape(span), passage)]
    return bool(places) and all(
        (span[0].isdigit() and re.search(r"\d[.,]?$", passage[max(0, start - 2) : start]))
        or (span[-1].isdigit() and passage[end : end + 1].isdigit())
        for start, end in places
    )


def held_in(passage: str, gold: Gold, column: str) -> None:
    """Doubt a marked text that its passage does not have, whatever the case and the white space.

    Raises:
        DoubtfulRowError: the passage has neither the answer nor an alias.
    """
    said = "".join(passage.split()).casefold()
    if not any("".join(one.split()).casefold() in said for one in (gold.answer, *gold.aliases)):
        raise DoubtfulRowError(
            column, f"found {found(gold.answer)}, which the passage does not say"
        )
