r"""SuperGLUE.

Eight reading and reasoning tasks. lm-eval's multirc has its gold inverted, and its record needs
more.

Hub path ``aps/super_glue``, configs ``boolq``, ``cb``, ``copa``, ``multirc``, ``record``, ``rte``,
``wic`` and ``wsc.fixed``, splits train and validation (scored); each data set has its own licence.
Records::

    {"question": "is a whale a fish", "passage": "Whale -- Whales are mammals ...", "idx": 0, "label": 0}
    {"premise": "I doubt that it rained.", "hypothesis": "it rained", "idx": 0, "label": 2}
    {"premise": "The glass broke.", "choice1": "It fell.", "choice2": "It shone.", "question": "cause", "idx": 0,
     "label": 0}
    {"paragraph": "Tom had two dogs.", "question": "What had Tom?", "answer": "Dogs", "idx": {...}, "label": 1}
    {"passage": "Oslo is in Norway.\n@highlight\nIt snows in Oslo", "query": "In @placeholder, winter came early.",
     "entities": ["Oslo", "Norway"], "entity_spans": {...}, "answers": ["Oslo"], "idx": {...}}
    {"premise": "Ann sold her car to Bob.", "hypothesis": "Bob bought a car.", "idx": 0, "label": 0}
    {"word": "bank", "sentence1": "A bank by the river.", "sentence2": "The bank is closed.", "start1": 2, ...,
     "label": 0}
    {"text": "Ann called Eve because she was ill.", "span1_index": 2, "span2_index": 4, "span1_text": "Eve",
     "span2_text": "she", "idx": 0, "label": 1}
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tsdg.seeds.adapters.glue import follows, three_way
from tsdg.seeds.item import (
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
    unknown,
)

if TYPE_CHECKING:
    from tsdg.seeds.catalogue import Unit

_COLUMNS = {
    "boolq": ("question", "passage", "label"),
    "cb": ("premise", "hypothesis", "label"),
    "copa": ("premise", "choice1", "choice2", "question", "label"),
    "multirc": ("paragraph", "question", "answer", "label"),
    "record": ("passage", "query", "entities", "answers"),
    "rte": ("premise", "hypothesis", "label"),
    "wic": ("word", "sentence1", "sentence2", "label"),
    "wsc.fixed": ("text", "span1_text", "span2_text", "span2_index", "label"),
}
_ASKS = {"cause": "What was the cause of this?", "effect": "What happened as a result?"}


def columns(unit: Unit) -> tuple[str, ...]:
    """Columns that are read."""
    if unit.config not in _COLUMNS:
        raise unknown(unit)
    return _COLUMNS[unit.config]


def shuffle(unit: Unit) -> bool:
    """The right option stands anywhere."""
    return False


def item(row: Row, unit: Unit) -> Item:
    """The texts with the question that the config asks; options in the order of the labels."""
    match unit.config:
        case "boolq":
            question = sentence(text(row, "question").rstrip("?")) + "?"
            return Item(
                question=question, context=joined(text(row, "passage")), options=("no", "yes")
            )
        case "cb":
            hypothesis = sentence(text(row, "hypothesis"))
            options = ("true", "false", "neither")
            return Item(
                question=three_way(hypothesis), context=text(row, "premise"), options=options
            )
        case "copa":
            ask = _ASKS.get(text(row, "question"))
            if ask is None:
                raise MalformedRowError(
                    "question", f"found {found(row['question'])}, allowed are cause, effect"
                )
            return Item(
                question=f"{text(row, 'premise')} {ask}",
                options=(text(row, "choice1"), text(row, "choice2")),
            )
        case "multirc":
            question = f'{_spaced(text(row, "question"))} Is this a right answer? "{_spaced(text(row, "answer"))}"'
            return Item(
                question=question, context=_spaced(text(row, "paragraph")), options=("no", "yes")
            )
        case "record":
            return _record(row)
        case "rte":
            return Item(
                question=follows(text(row, "hypothesis")),
                context=text(row, "premise"),
                options=("yes", "no"),
            )
        case "wic":
            question = f'Does "{text(row, "word")}" mean the same in both sentences?'
            context = f"{text(row, 'sentence1')}\n{text(row, 'sentence2')}"
            return Item(question=question, context=context, options=("no", "yes"))
        case "wsc.fixed":
            return _winograd(row)
        case _:
            raise unknown(unit)


def gold(row: Row, unit: Unit, item: Item) -> Gold:
    """The label; of record, the first answer."""
    if unit.config != "record":
        return labelled(row, "label", item)
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
