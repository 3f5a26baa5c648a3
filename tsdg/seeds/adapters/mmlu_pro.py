"""MMLU-Pro and MMLU-Pro+.

Up to ten options and more. lm-eval lists them in the question and has letters as answers.

Hub paths ``TIGER-Lab/MMLU-Pro`` and ``saeidasgari/mmlu-pro-plus``, splits validation (70, the
few-shot exemplars) and test (scored), MIT. A record::

    {"question_id": 1, "question": "Which number is prime?", "options": ["4", "6", "7", "9"], "answer": "C",
     "answer_index": 2, "cot_content": "A: Let's think step by step. ...", "category": "math", "src": "..."}
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tsdg.seeds.item import Gold, Item, Row, labelled, text, texts

if TYPE_CHECKING:
    from tsdg.seeds.catalogue import Unit


def columns(unit: Unit) -> tuple[str, ...]:
    """Columns that are read."""
    return ("question", "options", "answer_index")


def shuffle(unit: Unit) -> bool:
    """The right option stands anywhere."""
    return False


def item(row: Row, unit: Unit) -> Item:
    """The question with its options; ``N/A`` fills up what has fewer than ten."""
    options = [option for option in texts(row, "options") if option != "N/A"]
    return Item(question=text(row, "question"), options=tuple(options))


def gold(row: Row, unit: Unit, item: Item) -> Gold:
    """The index counts from 0."""
    return labelled(row, "answer_index", item)
