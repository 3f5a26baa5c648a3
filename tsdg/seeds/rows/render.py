"""Source row → :class:`~tsdg.records.Seed`, whichever way its family is rendered."""

from __future__ import annotations

import hashlib
import json
import random
import re
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

import orjson

from tsdg.records import Seed, Source
from tsdg.seeds.catalogue.domains import domain_of
from tsdg.seeds.rows.item import Gold, Item, MalformedRowError, Notes, Row, found, shortened
from tsdg.seeds.rows.lettered_options import without_letters
from tsdg.seeds.rows.phrases import ask, phrase
from tsdg.seeds.rows.residue import tidied

if TYPE_CHECKING:
    from tsdg.seeds.catalogue.model import Family, Unit

BROKEN = re.compile("\ufffd|[ÂÃ][\u0080-\u00bf]|â\u20ac")
"""UTF-8 that was read as Latin-1 or Windows-1252, or not at all."""


VERBATIM_KINDS = frozenset(("code", "json", "math"))
"""Answer kinds whose texts stay as their source writes them, sign by sign."""
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
    same: str
    """Column in which rows of one item are alike, see ``Form.same``; mostly empty."""

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


class Tidied:
    """A renderer of prose, whose texts are freed of their source's residue."""

    def __init__(self, inner: Renderer, language: str) -> None:
        """Take what renders the rows, and the language of their texts."""
        self.columns = inner.columns
        self.shuffle = inner.shuffle
        self.classes = inner.classes
        self.same = inner.same
        self.documents = inner.documents
        self.notes = inner.notes
        self._inner, self._language = inner, language

    def item(self, row: Row) -> Item:
        """Give what a document asks; the options as they were are kept beside it."""
        item = self._inner.item(row)
        options = tuple([tidied(option, self._language) for option in item.options])
        wording, *quoted = item.quoted or (item.question,)
        quoted = [tidied(text, self._language) for text in quoted]
        return replace(
            item,
            question=ask(wording, *quoted) if quoted else tidied(wording, self._language),
            context=tidied(item.context, self._language),
            options=options,
            written=item.options if options != item.options else (),
        )

    def gold(self, row: Row, item: Item) -> Gold:
        """Give the right answer; of the options it stays the same one."""
        gold = self._inner.gold(row, replace(item, options=item.written or item.options))
        if gold.kind in VERBATIM_KINDS:
            return gold
        chosen = 0 <= gold.index < len(item.options)
        return replace(
            gold,
            answer=item.options[gold.index] if chosen else self._spelt(gold.answer, item),
            aliases=tuple([self._spelt(alias, item) for alias in gold.aliases]),
            solution=tidied(gold.solution, self._language),
        )

    def _spelt(self, answer: str, item: Item) -> str:
        """An answer without residue; one of the passage as the passage has it."""
        tidy = tidied(answer, self._language)
        return answer if tidy not in item.context and answer in item.context else tidy


def check(item: Item, gold: Gold) -> None:
    """Refuse what no reader would accept.

    Raises:
        MalformedRowError: two options are equal, there is only one, the answer is none of them, a
            text was decoded wrongly at its source, or the checks of a text are no instructions.
    """
    for name, text in (("question", item.question), ("answer", gold.answer)):
        if not text.strip():
            raise MalformedRowError(name, "nothing is left of it without its source's residue")
    for text in (item.question, item.context, gold.answer, *item.options):
        broken = None if text.isascii() else BROKEN.search(text)
        if broken:
            around = text[max(0, broken.start() - 20) : broken.end() + 20]
            raise MalformedRowError(
                "text", f"found {found(around)}, which was decoded wrongly at its source"
            )
    if item.options:
        _check_options(item.options, gold)
    if gold.kind == "text" and gold.checks:
        _check_instructions(gold.checks)


def _check_options(options: tuple[str, ...], gold: Gold) -> None:
    if len(options) < 2:
        raise MalformedRowError("options", f"found {len(options)} option, at least 2 are needed")
    if len(set(options)) < len(options):
        raise MalformedRowError("options", "two of the options are equal")
    if not (0 <= gold.index < len(options)) or options[gold.index] != gold.answer:
        raise MalformedRowError("answer", f"found {found(gold.answer)}, which is no option")


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
    solution = _sound(gold.solution or notes.solution)
    if item.options:
        solution = without_letters(solution)
    shown = order(place.seed_id, len(item.options), shuffle=renderer.shuffle)
    return Seed(
        seed_id=place.seed_id,
        group=family.group,
        family=family.family,
        task=place.task,
        output_type="multiple_choice" if item.options else "generate_until",
        answer_kind=gold.kind,
        question=_asked(item, gold),
        context=item.context,
        options=tuple([item.options[index] for index in shown]),
        classes=renderer.classes and bool(item.options),
        answer=gold.answer,
        answer_index=shown.index(gold.index) if item.options else -1,
        aliases=gold.aliases,
        checks=gold.checks,
        option_order=shown,
        solution=shortened(solution, SOLUTION_CHARACTERS),
        level=shortened(_sound(item.level or notes.level), NOTE_CHARACTERS),
        subject=shortened(_named(item.subject or notes.subject), NOTE_CHARACTERS),
        domain=domain_of(family, unit),
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


def _asked(item: Item, gold: Gold) -> str:
    """What the item asks; where the answer is a list, also in which order.

    Only a seed has that line: held-out items are compared by the words of the source.
    """
    if not gold.several:
        return item.question
    return f"{item.question} {phrase('list', 'en').question}"


def _sound(note: str) -> str:
    """A note that was decoded wrongly is left out, and its row stays."""
    return "" if BROKEN.search(note) else note


def _named(subject: str) -> str:
    """A subject as it is said: ``University_of_Basel`` is the name of a page."""
    return _sound(subject).replace("_", " ").strip()
