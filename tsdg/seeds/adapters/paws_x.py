"""PAWS-X.

Pairs of sentences with the same words that do or do not say the same. lm-eval's question is empty.

Hub path ``google-research-datasets/paws-x``, configs ``de en es fr ja ko zh``, splits train (49,401
each, machine-translated), validation and test (scored), free use with attribution to Google. A
record::

    {"id": 1, "sentence1": "Ann beat Eve in the final .", "sentence2": "Eve beat Ann in the final .", "label": 0}
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tsdg.seeds.item import Gold, Item, MalformedRowError, Row, joined, labelled, text
from tsdg.seeds.phrases import phrase

if TYPE_CHECKING:
    from tsdg.seeds.catalogue import Unit


def columns(unit: Unit) -> tuple[str, ...]:
    """Columns that are read."""
    return ("sentence1", "sentence2", "label")


def shuffle(unit: Unit) -> bool:
    """No, yes: in the order of the labels."""
    return False


def item(row: Row, unit: Unit) -> Item:
    """Both sentences in a question in their language.

    ``NS`` stands for what the translator left out.
    """
    wording = phrase("paraphrase", unit.language)
    sentences = [joined(text(row, column)) for column in ("sentence1", "sentence2")]
    if "NS" in sentences:
        raise MalformedRowError(
            "sentence1" if sentences[0] == "NS" else "sentence2",
            "found 'NS': the sentence was not translated",
        )
    return Item(question=wording.question.format(*sentences), options=wording.options)


def gold(row: Row, unit: Unit, item: Item) -> Gold:
    """Label 0 is no, 1 is yes."""
    return labelled(row, "label", item)
