r"""bAbI: twenty kinds of small reasoning over made-up stories.

Directions are spelled out (``s,e`` is south, east).

Hub path ``Muennighoff/babi``, splits train, valid (named so by lm-eval), test, CC-BY-3.0. A
record::

    {"passage": "Rosa went to the attic.\nRosa took the lamp there.\n", "question": "Where is the lamp?",
     "answer": "attic", "task": 2}
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tsdg.seeds.item import Gold, Item, Row, text

if TYPE_CHECKING:
    from tsdg.seeds.catalogue import Unit

_WAYS = {"n": "north", "s": "south", "e": "east", "w": "west"}


def columns(unit: Unit) -> tuple[str, ...]:
    """Columns that are read."""
    return ("passage", "question", "answer")


def shuffle(unit: Unit) -> bool:
    """There are no options."""
    return False


def item(row: Row, unit: Unit) -> Item:
    """The question about the story."""
    return Item(question=text(row, "question"), context=text(row, "passage"))


def gold(row: Row, unit: Unit, item: Item) -> Gold:
    """One word, or a list of them."""
    answer = text(row, "answer")
    parts = [part.strip() for part in answer.split(",")]
    if len(parts) > 1 and all(part in _WAYS for part in parts):
        return Gold(
            kind="short_text", answer=", ".join(_WAYS[part] for part in parts), aliases=(answer,)
        )
    if len(parts) > 1:
        return Gold(kind="short_text", answer=", ".join(parts), aliases=(answer,))
    return Gold(kind="short_text", answer=answer)
