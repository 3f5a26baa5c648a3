"""GLUE.

Sentences and pairs of sentences to be judged. lm-eval words some of them as True or False, which
they are not.

Hub path ``nyu-mll/glue``, configs ``cola``, ``mnli``, ``mrpc``, ``qnli``, ``qqp``, ``rte``,
``sst2``, ``wnli``, splits train and validation (scored); each data set has its own licence.
Records::

    {"sentence": "The cat who sleeps is mine.", "label": 1, "idx": 0}
    {"sentence1": "Ann sold her car to Bob.", "sentence2": "Bob has a car.", "label": 0, "idx": 0}
    {"premise": "All lights were off.", "hypothesis": "It was dark.", "label": 0, "idx": 0}
    {"question": "Who wrote it?", "sentence": "It was written by Ada.", "label": 0, "idx": 0}
    {"question1": "How do I boil rice?", "question2": "What is the way to boil rice?", "label": 1, "idx": 0}
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tsdg.seeds.item import Gold, Item, Row, labelled, text, unknown

if TYPE_CHECKING:
    from tsdg.seeds.catalogue import Unit

_COLUMNS = {
    "cola": ("sentence", "label"),
    "sst2": ("sentence", "label"),
    "mnli": ("premise", "hypothesis", "label"),
    "qnli": ("question", "sentence", "label"),
    "rte": ("sentence1", "sentence2", "label"),
    "wnli": ("sentence1", "sentence2", "label"),
    "mrpc": ("sentence1", "sentence2", "label"),
    "qqp": ("question1", "question2", "label"),
}


def columns(unit: Unit) -> tuple[str, ...]:
    """Columns that are read."""
    if unit.config not in _COLUMNS:
        raise unknown(unit)
    return _COLUMNS[unit.config]


def shuffle(unit: Unit) -> bool:
    """The options are words of judgement, in a fixed order."""
    return False


def item(row: Row, unit: Unit) -> Item:
    """The sentence or pair with the question that its config asks.

    Options in the order of the labels.
    """
    first, *others = (text(row, column) for column in columns(unit) if column != "label")
    second = others[0] if others else ""
    match unit.config:
        case "cola":
            return Item(
                question=f'Is this an acceptable English sentence? "{first}"', options=("no", "yes")
            )
        case "sst2":
            question = f'Does this comment on a film speak for it or against it? "{first}"'
            return Item(question=question, options=("against it", "for it"))
        case "mnli":
            return Item(
                question=three_way(second), context=first, options=("true", "neither", "false")
            )
        case "qnli":
            question = f'Does the text answer this question? "{first}"'
            return Item(question=question, context=second, options=("yes", "no"))
        case "rte":
            return Item(question=follows(second), context=first, options=("yes", "no"))
        case "wnli":
            return Item(question=follows(second), context=first, options=("no", "yes"))
        case "mrpc":
            question = f'Do these two sentences say the same? "{first}" "{second}"'
            return Item(question=question, options=("no", "yes"))
        case "qqp":
            question = f'Do these two questions ask for the same? "{first}" "{second}"'
            return Item(question=question, options=("no", "yes"))
        case _:
            raise unknown(unit)


def gold(row: Row, unit: Unit, item: Item) -> Gold:
    """The label."""
    return labelled(row, "label", item)


def follows(hypothesis: str) -> str:
    """Word a two-way entailment question."""
    return f'Does this follow from the text? "{hypothesis}"'


def three_way(hypothesis: str) -> str:
    """Word a three-way entailment question."""
    return f'Going by the text, is this true, false or neither? "{hypothesis}"'
