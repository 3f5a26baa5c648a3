"""Questions and class names in a language, for rows that hold only texts and labels."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import yaml

from tsdg.seeds.rows.item import Item


@dataclass(frozen=True, slots=True, kw_only=True)
class Phrase:
    """How one config or language of a family asks."""

    question: str
    """May hold ``{}`` places for texts of the row."""
    options: tuple[str, ...]
    """Class names in the order of the labels; empty where the row has its own options."""


_INNER = {
    '"': [(r'"', "'")],
    "«": [(r"«\s*", "“"), (r"\s*»", "”")],
    "„": [(r"[„“]([^„“”]*)[“”]", r"‚\1‘"), ("„", "‚"), ("”", "‘")],
    "“": [("“", "‘"), ("”", "’")],
    "「": [("「", "『"), ("」", "』")],
}
"""Quotation mark that a question has around a place → what a text within has in place of the same
marks: patterns, each with what it becomes."""


def ask(question: str, *texts: str) -> str:
    r"""Put texts of a row into a question's places.

    A text that has the question's own quotation marks gets others, so that one sees where it ends.

    >>> ask('Is this true? "{}"', 'She said "no".')
    'Is this true? "She said \'no\'."'
    """
    parts = question.split("{}")
    filled = (
        before + _requoted(text, before.rstrip()[-1:])
        for before, text in zip(parts, texts, strict=False)
    )
    return "".join([*filled, parts[-1]])


def _requoted(text: str, mark: str) -> str:
    for pattern, inner in _INNER.get(mark, ()):
        text = re.sub(pattern, inner, text)
    return text


def quoting(wording: Phrase, *texts: str, context: str = "") -> Item:
    """The item whose question quotes texts of the row, which are tidied before they are quoted."""
    return Item(
        question=ask(wording.question, *texts),
        context=context,
        options=wording.options,
        quoted=(wording.question, *texts),
    )


@cache
def phrase(family: str, key: str) -> Phrase:
    """Return the wording of a family's config or language.

    Raises:
        KeyError: ``data/phrases.yaml`` has none.
    """
    entry = _table()[family][key]
    return Phrase(question=entry["question"], options=tuple(entry.get("options", ())))


def wordings(family: str) -> tuple[str, ...]:
    """Return the configs or languages in which a family asks.

    Raises:
        KeyError: ``data/phrases.yaml`` does not have the family.
    """
    return tuple(_table()[family])


@cache
def _table() -> dict[str, Any]:
    table: dict[str, Any] = yaml.safe_load(
        (resources.files("tsdg.seeds.rows") / "data/phrases.yaml").read_text("utf-8")
    )
    return table


_FOREIGN = 3
"""Function words from which a text is in their language: one or two stand in names and quotes."""


@cache
def words(name: str) -> frozenset[str]:
    """Return the words of a section of ``data/words.yaml``."""
    table = (resources.files("tsdg.seeds.rows") / "data/words.yaml").read_text("utf-8")
    return frozenset(yaml.safe_load(table)[name].split())


def written_in(name: str, said: Sequence[str]) -> bool:
    """Whether the words of a text are those of a language, by its function words.

    Args:
        name: of the section of ``data/words.yaml`` that has them.
        said: words of the text, in lower case.
    """
    own = sum(word in words(name) for word in said)
    return own >= _FOREIGN and own > len(said) / 6
