"""The training sets behind AGIEval's tests: AQuA-RAT, AR-LSAT and LogiQA in Chinese.

No lm-eval task reads them.

``deepmind/aqua_rat``, config ``raw``, splits train (97,467), validation and test (in AGIEval),
Apache-2.0. The other two are GitHub repositories (``zhongwanjun/AR-LSAT``, LSAC copyright;
``lgw863/LogiQA-dataset``, no licence stated), whose questions are put into the mirror one a row, in
these columns. Records::

    {"question": "A shelf holds 3 rows of 4 jars. How many are there?", "options": ["A)7", "B)12", "C)1", "D)3", "E)0"],
     "rationale": "3 x 4 = 12", "correct": "B"}
    {"passage": "Ann, Bo and Cy sit in a row. Bo sits first.", "question": "Who may sit last?", "options": ["Ann",
     "Bo", "nobody"], "answer": "A"}
    {"context": "所有的猫都是动物。", "question": "由此可以推出什么？", "options": ["有的动物是猫", "有的猫不是动物",
     "没有猫", "没有动物"], "label": "a"}
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tsdg.seeds.forms import lettered
from tsdg.seeds.item import Gold, Item, Row, text, texts, unknown

if TYPE_CHECKING:
    from tsdg.seeds.catalogue import Unit

_COLUMNS = {
    "deepmind/aqua_rat": ("question", "options", "correct"),
    "zhongwanjun/AR-LSAT": ("passage", "question", "options", "answer"),
    "lgw863/LogiQA-dataset": ("context", "question", "options", "label"),
}
"""Of each data set: the text, where there is one, the question, the options and the letter."""

_MARK = re.compile(r"^\(?[A-E]\)\s*")


def columns(unit: Unit) -> tuple[str, ...]:
    """Columns that are read."""
    return _of(unit)


def shuffle(unit: Unit) -> bool:
    """The right option stands anywhere."""
    return False


def item(row: Row, unit: Unit) -> Item:
    """The question with its options; of AR-LSAT and LogiQA, on a text."""
    first, *others, options, _ = _of(unit)
    if others:
        return Item(
            question=text(row, others[0]), context=text(row, first), options=texts(row, options)
        )
    return Item(
        question=text(row, first),
        options=tuple(_MARK.sub("", option) for option in texts(row, options)),
    )


def gold(row: Row, unit: Unit, item: Item) -> Gold:
    """The letter."""
    return lettered(row, _of(unit)[-1], item)


def _of(unit: Unit) -> tuple[str, ...]:
    if unit.dataset_path not in _COLUMNS:
        raise unknown(unit)
    return _COLUMNS[unit.dataset_path]
