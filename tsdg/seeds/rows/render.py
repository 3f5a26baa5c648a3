"""Source row → :class:`~tsdg.records.Seed`, whichever way its family is rendered."""

from __future__ import annotations

import hashlib
import json
import random
import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

import orjson

from tsdg.records import Seed, Source
from tsdg.seeds.rows.item import Gold, Item, MalformedRowError, Notes, Row, found, shortened
from tsdg.seeds.rows.phrases import phrase

if TYPE_CHECKING:
    from tsdg.seeds.catalogue.model import Family, Unit

BROKEN = re.compile("\ufffd|[ÂÃ][\u0080-\u00bf]|â\u20ac")
"""UTF-8 that was read as Latin-1 or Windows-1252, or not at all."""


_BEGUN = re.compile(r"[a-z,]\s*(?:\.\.\.|…)?$")
"""The end of a text that stops within a sentence."""
_ASKS = re.compile(
    r"[?_]|^(?:what|which|who|whom|whose|where|when|why|how|is|are|was|were|do|does|did|can|could"
    r"|should|would|will|has|have|name|find|choose|select|identify|all of the following)\b",
    re.IGNORECASE,
)
"""What a text has that asks, or leaves a blank, in English."""
SOLUTION_CHARACTERS = 4000
"""A longer solution of the source is cut, at a paragraph where it has one."""
NOTE_CHARACTERS = 200
"""So is what it says of level and subject."""


class Renderer(Protocol):
    """Reads the rows of one unit of source."""

    columns: tuple[str, ...]
    """Columns that the split must have."""
    shuffle: bool
    """Whether the options are shuffled, because the source has the right one always at the same
    place."""

    classes: bool
    """Whether options, where a document has any, are the classes that all of them share."""

    def documents(self, table: Any, rows: list[dict[str, Any]]) -> list[dict[str, Any] | None]:
        """Give one document per row; None where the task leaves the row out."""
        ...

    def item(self, row: Row) -> Item:
        """Give what a document asks, or raise MalformedRowError."""
        ...

    def gold(self, row: Row, item: Item) -> Gold:
        """Give the right answer, or raise MalformedRowError."""
        ...

    def notes(self, row: Row) -> Notes:
        """Give what the source says beside them; never raises."""
        ...


def seed_id_of(unit: Unit, row: Row) -> str:
    """Return the id of a source row: a hash of its unit and of all its columns.

    The row's number is not part of it, so that a mirror fetched again in another order gives the
    same ids; nor is the task or what a template makes of the row, so that two tasks over one item
    name the same seed.
    """
    content = orjson.dumps(row, default=repr, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)
    row_hash = hashlib.sha256(content).hexdigest()
    return hashlib.sha256(_id_start(unit) + row_hash.encode() + b'"]').hexdigest()[:24]


@cache
def _id_start(unit: Unit) -> bytes:
    """What ``stable_id(dataset path, config, split, hash of the row)`` hashes before the last.

    Once a unit.
    """
    parts = [unit.dataset_path, unit.config, unit.split]
    return (
        json.dumps(parts, ensure_ascii=False, separators=(",", ":")).removesuffix("]").encode()
        + b',"'
    )


def check(item: Item, gold: Gold) -> None:
    """Refuse what no reader would accept.

    Raises:
        MalformedRowError: two options are equal, there is only one, the answer is none of them, a
            text was decoded wrongly at its source, or the checks of a text are no instructions.
    """
    for text in (item.question, item.context, gold.answer, *item.options):
        broken = None if text.isascii() else BROKEN.search(text)
        if broken:
            around = text[max(0, broken.start() - 20) : broken.end() + 20]
            raise MalformedRowError(
                "text", f"found {found(around)}, which was decoded wrongly at its source"
            )
    if item.options:
        if len(item.options) < 2:
            raise MalformedRowError(
                "options", f"found {len(item.options)} option, at least 2 are needed"
            )
        if len(set(item.options)) < len(item.options):
            raise MalformedRowError("options", "two of the options are equal")
        if not (0 <= gold.index < len(item.options)) or item.options[gold.index] != gold.answer:
            raise MalformedRowError("answer", f"found {found(gold.answer)}, which is no option")
    if gold.kind == "text" and gold.checks:
        _check_instructions(gold.checks)


def _check_instructions(checks: tuple[str, ...]) -> None:
    """Refuse what is no list of instructions as the verifier ``ifeval`` takes them."""
    names = set()
    for check in checks:
        try:
            given = orjson.loads(check)
        except orjson.JSONDecodeError:
            given = None
        if (
            not isinstance(given, dict)
            or not isinstance(given.get("id"), str)
            or given["id"] in names
        ):
            raise MalformedRowError(
                "checks",
                f"found {found(check)}, JSON objects are needed, each with an id of its own",
            )
        names.add(given["id"])


def order(seed_id: str, count: int, *, shuffle: bool) -> tuple[int, ...]:
    """Return the order in which options are shown: position → index in the source.

    The same for the same seed.
    """
    indices = list(range(count))
    if shuffle:
        random.Random(int(seed_id, 16)).shuffle(indices)
    return tuple(indices)


@dataclass(frozen=True, slots=True, kw_only=True)
class RowPlace:
    """Where a row stands, and what its seed is for."""

    family: Family
    unit: Unit
    task: str
    seed_id: str
    number: int
    """Of the row in its file."""
    revision: str
    """Of the file."""


def build(renderer: Renderer, document: Row, item: Item, gold: Gold, place: RowPlace) -> Seed:
    """Put a seed together.

    Args:
        renderer: of the unit.
        document: of the row.
        item: what it asks.
        gold: the right answer; both checked.
        place: where the row stands.
    """
    family, unit = place.family, place.unit
    notes = renderer.notes(document)
    shown = order(place.seed_id, len(item.options), shuffle=renderer.shuffle)
    return Seed(
        seed_id=place.seed_id,
        group=family.group,
        family=family.family,
        task=place.task,
        output_type="multiple_choice" if item.options else "generate_until",
        answer_kind=gold.kind,
        question=_asked(item, unit.language, classes=renderer.classes),
        context=item.context,
        options=tuple([item.options[index] for index in shown]),
        classes=renderer.classes and bool(item.options),
        answer=gold.answer,
        answer_index=shown.index(gold.index) if item.options else -1,
        aliases=gold.aliases,
        checks=gold.checks,
        option_order=shown,
        solution=shortened(_sound(gold.solution or notes.solution), SOLUTION_CHARACTERS),
        level=shortened(_sound(item.level or notes.level), NOTE_CHARACTERS),
        subject=shortened(_sound(item.subject or notes.subject), NOTE_CHARACTERS),
        domain=family.domain,
        language=unit.language,
        licence=family.licence_of(unit),
        source=Source(
            dataset_path=unit.dataset_path,
            config=unit.config,
            split=unit.split,
            row=place.number,
            revision=place.revision,
        ),
    )


def _asked(item: Item, language: str, *, classes: bool) -> str:
    """What the item asks; before the beginning of a sentence, that its end is asked for.

    Only a seed has this line: held-out items are compared by the words of the source.
    """
    begun = _BEGUN.search(item.question) and not _ASKS.search(item.question)
    if classes or not item.options or not begun or language != "en":
        return item.question
    return f"{phrase('stem', language).question} {item.question}"


def _sound(note: str) -> str:
    """A note that was decoded wrongly is left out, and its row stays."""
    return "" if BROKEN.search(note) else note
