r"""SuperGLUE.

Eight reading and reasoning tasks. lm-eval's multirc has its gold inverted, and its record needs
more.

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

from dataclasses import replace

from tsdg.seeds.rows.item import (
    Gold,
    Item,
    MalformedRowError,
    Row,
    chosen,
    found,
    integer,
    joined,
    labelled,
    sentence,
    text,
    texts,
)
from tsdg.seeds.rows.row_forms import Form, asked, caused, classified


def _boolq(row: Row) -> Item:
    question, passage = asked(text(row, "question")), joined(text(row, "passage"))
    return Item(question=question, context=passage, options=("no", "yes"))


def _bank(row: Row) -> Item:
    """The hypothesis begins in lower case."""
    return _BANK.item({**row, "hypothesis": sentence(text(row, "hypothesis"))})


def _label(row: Row, item: Item) -> Gold:
    return labelled(row, "label", item)


def _first_answer(row: Row, item: Item) -> Gold:
    return chosen(item, item.options.index(texts(row, "answers")[0]), "answers")


def _record(row: Row) -> Item:
    """Several entities may fill the blank.

    All but the first of them are no options, so that one is right.
    """
    passage = text(row, "passage").replace("\n@highlight\n", "\n")
    query = text(row, "query")
    if "@placeholder" not in query:
        raise MalformedRowError("query", f"found {found(query)}, a @placeholder is needed")
    also_right = set(row["answers"][1:]) - {row["answers"][0]} if row["answers"] else set()
    options = tuple(
        entity for entity in dict.fromkeys(texts(row, "entities")) if entity not in also_right
    )
    question = f"Which name fills the blank? {query.replace('@placeholder', '_____')}"
    return Item(question=question, context=passage, options=options)


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
    question = f'{joined(marked)} Does "{pronoun}" refer to "{text(row, "span1_text")}"?'
    return Item(question=question, options=("no", "yes"))


def _spaced(value: str) -> str:
    return " ".join(value.split())


_BANK = classified("super_glue", "cb", context=("premise",), quoted=("hypothesis",), label="label")
FORMS = {
    "boolq": Form(columns=("question", "passage", "label"), item=_boolq, gold=_label, classes=True),
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
        columns=("passage", "query", "entities", "answers"), item=_record, gold=_first_answer
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
