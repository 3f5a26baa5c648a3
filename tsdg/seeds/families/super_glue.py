r"""SuperGLUE: eight tasks of reading and reasoning.

In lm-eval the gold of multirc is inverted, and record is a Python class.

Hub path ``aps/super_glue``, configs ``boolq``, ``cb``, ``copa``, ``multirc``, ``record``, ``rte``,
``wic`` and ``wsc.fixed``, splits train and validation (scored); each data set has its own licence.
Records::

    {"question": "is a whale a fish", "passage": "Whale -- Whales are mammals ...", "idx": 0,
     "label": 0}
    {"premise": "I doubt that it rained.", "hypothesis": "it rained", "idx": 0, "label": 2}
    {"premise": "The glass broke.", "choice1": "It fell.", "choice2": "It shone.",
     "question": "cause", "idx": 0, "label": 0}
    {"paragraph": "Tom had two dogs.", "question": "What had Tom?", "answer": "Dogs", "idx": {...},
     "label": 1}
    {"passage": "Oslo is in Norway.\n@highlight\nIt snows in Oslo",
     "query": "In @placeholder, winter came early.", "entities": ["Oslo", "Norway"],
     "entity_spans": {...}, "answers": ["Oslo"], "idx": {...}}
    {"premise": "Ann sold her car to Bob.", "hypothesis": "Bob bought a car.", "idx": 0, "label": 0}
    {"word": "bank", "sentence1": "A bank by the river.", "sentence2": "The bank is closed.",
     "start1": 2, ..., "label": 0}
    {"text": "Ann called Eve because she was ill.", "span1_index": 2, "span2_index": 4,
     "span1_text": "Eve", "span2_text": "she", "idx": 0, "label": 1}
"""

from __future__ import annotations

import re
from dataclasses import replace

from tsdg.seeds.rows.item import (
    DoubtfulRowError,
    Gold,
    Item,
    MalformedRowError,
    Row,
    chosen,
    found,
    integer,
    labelled,
    sentence,
    text,
    texts,
)
from tsdg.seeds.rows.phrases import words
from tsdg.seeds.rows.row_forms import Form, asked, caused, classified

_RIVALS = 5
_STEM = 4
"""Letters that names of one country have in common: Iran, Iranian; China, Chinese."""
_BYLINE = re.compile(
    r"^(?:[A-Z][\w ,.'-]{0,60}? )?\((?:CNN|Reuters|AP|CNN Student News)\)\s*(?:--|-|—)\s*"
)
_WORD = re.compile(r"\w{4,}")
_IDLE = words("idle_english")


def _boolq(row: Row) -> Item:
    question, passage = asked(text(row, "question")), text(row, "passage")
    return Item(question=question, context=passage, options=("no", "yes"))


def _settled(row: Row, item: Item) -> Gold:
    """Yes or no; doubtful where the passage shares no telling word with the question."""
    gold = _label(row, item)
    asked_for = set(_WORD.findall(item.question.lower())) - _IDLE
    if asked_for and asked_for.isdisjoint(_WORD.findall(item.context.lower())):
        raise DoubtfulRowError("passage", "it has no telling word of the question")
    return gold


def _bank(row: Row) -> Item:
    """The hypothesis begins in lower case."""
    return _BANK.item({**row, "hypothesis": sentence(text(row, "hypothesis"))})


def _label(row: Row, item: Item) -> Gold:
    return labelled(row, "label", item)


def _record(row: Row) -> Item:
    """Several names may fill the blank, and one entity may have several names.

    The first right one is an option, with the names of at most five other entities.
    """
    query = text(row, "query")
    if "@placeholder" not in query:
        raise MalformedRowError("query", f"found {found(query)}, a @placeholder is needed")
    names = texts(row, "entities")
    right = tuple(name for name in texts(row, "answers") if name in names)
    passage = text(row, "passage").replace("\n@highlight\n", "\n")
    others: list[str] = []
    for name in names:
        if not any(_one_entity(name, other) for other in (*right, *others)):
            others.append(name)
    options = tuple(name for name in names if name in {*right[:1], *others[:_RIVALS]})
    question = f"Which name fills the blank? {query.replace('@placeholder', '_____')}"
    return Item(
        question=question,
        context=_BYLINE.sub("", _without_author(passage, names)),
        options=tuple(dict.fromkeys(options)),
    )


def _one_entity(left: str, right: str) -> bool:
    """Whether two names may be of one entity: Obama and Barack Obama, Iran and Iranian."""
    one, other = sorted((left.casefold(), right.casefold()), key=len)
    stem = one[:_STEM] if len(one) >= _STEM else one
    return bool(set(one.split()) & set(other.split())) or any(
        word.startswith(stem) for word in other.split()
    )


def _without_author(passage: str, names: tuple[str, ...]) -> str:
    """Cut ``By Ann Smith`` off, where the passage begins with it."""
    for name in names:
        if passage.startswith(f"By {name} "):
            return passage.removeprefix(f"By {name} ")
    return passage


def _first_answer(row: Row, item: Item) -> Gold:
    name = next((name for name in texts(row, "answers") if name in item.options), "")
    if not name:
        raise MalformedRowError("answers", "none of them is among the entities")
    return chosen(item, item.options.index(name), "answers")


def _winograd(row: Row) -> Item:
    """The pronoun is marked; its index counts words."""
    words, place, pronoun = (
        text(row, "text").split(),
        integer(row, "span2_index"),
        text(row, "span2_text"),
    )
    length = len(pronoun.split())
    span = " ".join(words[place : place + length])
    if not 0 <= place < len(words) or pronoun.lower() not in span.lower():
        raise MalformedRowError(
            "span2_index",
            f"found {place}, where the text says {found(span)} and not {found(pronoun)}",
        )
    marked = " ".join(
        [*words[:place], span.replace(pronoun, f"*{pronoun}*", 1), *words[place + length :]]
    )
    question = f'{marked} Does "{pronoun}" refer to "{text(row, "span1_text")}"?'
    return Item(question=question, options=("no", "yes"))


def _spaced(value: str) -> str:
    return " ".join(value.split())


_BANK = classified("super_glue", "cb", context=("premise",), quoted=("hypothesis",), label="label")
FORMS = {
    "boolq": Form(
        columns=("question", "passage", "label"), item=_boolq, gold=_settled, classes=True
    ),
    "cb": replace(_BANK, item=_bank),
    "copa": caused(
        "copa_en", premise="premise", asks="question", options=("choice1", "choice2"), label="label"
    ),
    "multirc": classified(
        "super_glue",
        "multirc",
        context=("paragraph",),
        quoted=("question", "answer"),
        label="label",
        clean=_spaced,
    ),
    "record": Form(
        columns=("passage", "query", "entities", "answers"),
        item=_record,
        gold=_first_answer,
        shuffle=True,
    ),
    "rte": classified(
        "super_glue", "rte", context=("premise",), quoted=("hypothesis",), label="label"
    ),
    "wic": classified(
        "super_glue", "wic", context=("sentence1", "sentence2"), quoted=("word",), label="label"
    ),
    "wsc.fixed": Form(
        columns=("text", "span1_text", "span2_text", "span2_index", "label"),
        item=_winograd,
        gold=_label,
        classes=True,
    ),
}
