"""What an adapter makes of one source row, and the small readers that adapters share.

An adapter gives two things apart: the *item* (what is asked), which every split has, and the *gold*
(the answer), which a held-out split may hide. Leak checks need the item only.
"""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tsdg.errors import MachineError
from tsdg.records import AnswerKind, Reason

if TYPE_CHECKING:
    from tsdg.seeds.catalogue.model import Unit

Row = Mapping[str, Any]
_NOTHING = frozenset(("", "nan", "none", "null", "n/a"))
"""Texts that stand for nothing."""


class MalformedRowError(Exception):
    """A source row that cannot become a seed.

    Attributes:
        column: the column at fault.
        found: what was found there, for a person.
        reason: why its row is rejected.
    """

    reason: Reason = "malformed"

    def __init__(self, column: str, found: str) -> None:
        super().__init__(f"{column}: {found}")
        self.column = column
        self.found = found


class OtherTaskRowError(MalformedRowError):
    """A sound source row that is not this task's, but that of another one over the same split."""


class DoubtfulRowError(MalformedRowError):
    """A source row in the usual form, whose own right answer its own text contradicts."""

    reason: Reason = "doubtful"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """What a row asks."""

    question: str
    """The plain question, without the scaffolding of an evaluation prompt."""
    context: str = ""
    """The passage that the question is about; empty where there is none."""
    options: tuple[str, ...] = ()
    """Candidate answers in source order; empty where the row has none."""
    level: str = ""
    """How hard the source says the row is, in its own words."""
    subject: str = ""
    """What the source says the row is about."""
    written: tuple[str, ...] = ()
    """The options as the source writes them, where they were tidied; else empty."""
    quoted: tuple[str, ...] = ()
    """Where the question quotes texts of the row: its wording, with a ``{}`` for each, and these
    texts. Else empty."""
    by_options: bool = False
    """Whether every row of the source asks the same question, so that only its options tell it from
    others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gold:
    """The right answer of an item."""

    kind: AnswerKind
    answer: str
    index: int = -1
    """Index of the answer in the item's options, in source order; -1 where there are none."""
    aliases: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    solution: str = ""
    """The source's own worked solution or rationale."""
    several: bool = False
    """Whether the answer is a list, in alphabetical order, and its question is to say so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notes:
    """What a source says of a row beside question and answer; empty where it says nothing."""

    solution: str = ""
    level: str = ""
    subject: str = ""


def found(value: object) -> str:
    """Show a value in a message: its ``repr``, at most 60 characters, on one line."""
    shown = " ".join(repr(value).split())
    return shown if len(shown) <= 60 else shown[:57] + "..."


def as_text(value: object) -> str | None:
    """Give a text, or a number as the text that stood for it; None for anything else.

    A column of whole numbers with an empty cell comes as floats: 2.0 was 2.
    """
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value) if math.isfinite(value) else None
    return value.strip() if isinstance(value, str) else None


def unprinted(value: Any) -> Any:
    """Give the list or struct that a text is the print of (``"['Kano']"``); else the value."""
    if not isinstance(value, str) or (value[:1] + value[-1:]) not in ("[]", "{}"):
        return value
    for parse in (json.loads, ast.literal_eval):
        with suppress(ValueError, SyntaxError, RecursionError, MemoryError):
            return parse(value)
    return value


def part(value: object, name: str) -> Any:
    """Give one field of a struct of lists, or of a list of structs: one thing in two layouts."""
    value = unprinted(value)
    if isinstance(value, Mapping):
        return value.get(name)
    if isinstance(value, (list, tuple)):
        return [entry.get(name) if isinstance(entry, Mapping) else None for entry in value]
    return None


def text(row: Row, column: str) -> str:
    """Read a text that must be there, without outer white space; a number is its digits.

    Raises:
        MalformedRowError: it is null, empty, or no text.
    """
    value = as_text(row[column])
    if value is None:
        raise MalformedRowError(column, f"found {found(row[column])}, a text is needed")
    if not value:
        raise MalformedRowError(column, "found an empty text")
    return value


def stated(row: Row, column: str) -> str:
    """Read a text to be judged, which has to say something: ``n/a`` does not.

    Raises:
        MalformedRowError: it is null, empty, no text, or stands for nothing.
    """
    value = text(row, column)
    if value.lower().rstrip(" .") in _NOTHING:
        raise MalformedRowError(column, f"found {found(value)}, which stands for nothing")
    return value


def texts(row: Row, column: str) -> tuple[str, ...]:
    """Read a list of texts that must be there; see :func:`text`.

    Raises:
        MalformedRowError: it is no list, or one of its values is no text or empty.
    """
    value = unprinted(row[column])
    if not isinstance(value, (list, tuple)) or not value:
        raise MalformedRowError(column, f"found {found(value)}, a list of texts is needed")
    read = [as_text(entry) for entry in value]
    for entry, given in zip(read, value, strict=True):
        if not entry:
            raise MalformedRowError(column, f"found {found(given)} in the list, a text is needed")
    return tuple(entry for entry in read if entry)


def integer(row: Row, column: str) -> int:
    """Read a whole number, given as a number, as a float without a fraction or as text.

    Raises:
        MalformedRowError: it is none of these.
    """
    value = row[column]
    if isinstance(value, (int, float, str)) and not isinstance(value, bool):
        with suppress(ValueError, OverflowError):
            number = float(value) if isinstance(value, str) and "." in value else value
            if int(number) == number or isinstance(number, str):
                return int(number)
    raise MalformedRowError(column, f"found {found(value)}, a whole number is needed")


def noted(row: Row, columns: Iterable[str], between: str = ", ") -> str:
    """Read what a source says beside question and answer, in words.

    Nothing of it needs to be there: a column that is missing, null or of another type adds nothing.
    Of a list its texts count, of a struct of truth values the names of the true ones; a number
    comes with the name of its column.
    """
    parts = (_words(row.get(column), column) for column in columns)
    return between.join(dict.fromkeys(part for part in parts if part))


def _stated(value: str) -> str:
    return "" if value.strip().lower() in _NOTHING else value.strip()


def _words(value: object, column: str) -> str:
    if isinstance(value, str):
        return _stated(value)
    if isinstance(value, (list, tuple)):
        said = (entry.strip() for entry in value if isinstance(entry, str))
        return "; ".join(dict.fromkeys(filter(None, said)))
    if isinstance(value, Mapping):
        return "; ".join(str(name) for name, holds in value.items() if holds is True)
    if isinstance(value, bool) or as_text(value) is None:
        return ""
    return f"{column} {value:g}"


def shortened(value: str, limit: int) -> str:
    """Cut a text that is longer than ``limit`` characters: at a paragraph, a line or a word.

    The last of these that leaves at least half of the limit counts.
    """
    if len(value) <= limit:
        return value
    head = value[:limit]
    places = (head.rfind(end) for end in ("\n\n", "\n", " "))
    return head[: next((place for place in places if place >= limit // 2), limit)].rstrip()


def chosen(item: Item, index: int, column: str) -> Gold:
    """The gold of an item whose answer is one of its options.

    Args:
        item: the item.
        index: index of the right option.
        column: where the index came from, for the message.

    Raises:
        MalformedRowError: the index is out of range.
    """
    if not 0 <= index < len(item.options):
        raise MalformedRowError(column, f"found {index}, allowed are 0 to {len(item.options) - 1}")
    return Gold(kind="choice", answer=item.options[index], index=index)


def labelled(row: Row, column: str, item: Item) -> Gold:
    """The gold of an item whose column holds the index of the right option.

    -1, as of a hidden test, is malformed.
    """
    return chosen(item, integer(row, column), column)


def sentence(value: str) -> str:
    """Begin a text with a capital, as sources in lower case do not."""
    return value[:1].upper() + value[1:]


def digits(value: str) -> str:
    """Write a number as one would say it: without thousands separators, and 0.4 for .4."""
    value = value.strip().replace(",", "")
    return re.sub(r"^(-?)\.", r"\g<1>0.", value)


def unknown(unit: Unit) -> MachineError:
    """Make the error of an adapter that does not know a unit of its family."""
    return MachineError(
        f"family {unit.family}: its adapter does not know "
        f"{unit.dataset_path}/{unit.config or 'default'}; "
        f"take {', '.join(unit.tasks)} out of seeds.tasks"
    )
