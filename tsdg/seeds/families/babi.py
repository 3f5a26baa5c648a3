r"""bAbI: twenty kinds of small reasoning over made-up stories.

Directions are spelled out: ``s,e`` becomes south, east. Questions whether something is so have yes
and no as options.

Hub path ``Muennighoff/babi``, splits train, valid (named so by lm-eval), test, CC-BY-3.0. A
record::

    {"passage": "Rosa went to the attic.\nRosa took the lamp there.\n",
     "question": "Where is the lamp?", "answer": "attic", "task": 2}
"""

from __future__ import annotations

import re

from tsdg.seeds.rows.item import Gold, Item, Row, text
from tsdg.seeds.rows.row_forms import Form, listed, named

_TASKS = (
    "one supporting fact",
    "two supporting facts",
    "three supporting facts",
    "relations of two things",
    "relations of three things",
    "yes or no",
    "counting",
    "lists and sets",
    "simple negation",
    "indefinite knowledge",
    "simple coreference",
    "conjunction",
    "compound coreference",
    "order in time",
    "simple deduction",
    "simple induction",
    "positions",
    "sizes",
    "finding a path",
    "motives",
)
"""What the kinds of question practise, from number 1."""
_WAYS = {"n": "north", "s": "south", "e": "east", "w": "west"}


_ASKS_WHETHER = re.compile(r"(?:is|are|was|were|does|do|did|will|can)\b", re.IGNORECASE)


def item(row: Row) -> Item:
    """The question about the story, whose names it writes as the story does."""
    number = row.get("task")
    story = text(row, "passage")
    return Item(
        question=_named(text(row, "question"), story),
        context=story,
        options=_classes(text(row, "question"), story),
        subject=_TASKS[number - 1] if isinstance(number, int) and 0 < number <= 20 else "",
    )


def _classes(question: str, story: str) -> tuple[str, ...]:
    """Yes and no where it is asked whether something is so; maybe where a story leaves it open."""
    if not _ASKS_WHETHER.match(question):
        return ()
    return ("yes", "no", "maybe") if " either " in story else ("yes", "no")


def _named(question: str, story: str) -> str:
    names = {word.lower(): word for word in re.findall(r"[A-Z][a-z]+", story)}
    common = set(re.findall(r"[a-z]+", story))
    words = (
        names[word] if word in names and word not in common else word
        for word in re.split(r"(\W+)", question)
    )
    return "".join(words)


def gold(row: Row, item: Item) -> Gold:
    """One word, or a list of them."""
    answer = text(row, "answer")
    if item.options:
        return named(row, "answer", item)
    parts = [part.strip() for part in answer.split(",")]
    if len(parts) > 1 and all(part in _WAYS for part in parts):
        return Gold(
            kind="short_text", answer=", ".join(_WAYS[part] for part in parts), aliases=(answer,)
        )
    if len(parts) > 1:
        return listed(parts)
    return Gold(kind="short_text", answer=_named(answer, item.context))


FORMS = {"": Form(columns=("passage", "question", "answer"), item=item, gold=gold, classes=True)}
