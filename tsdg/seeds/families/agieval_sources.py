"""The training sets behind AGIEval's tests: AQuA-RAT, AR-LSAT and LogiQA in Chinese.

No lm-eval task reads them.

``deepmind/aqua_rat``, config ``raw``, splits train (97,467), validation and test (in AGIEval),
Apache-2.0. The other two are GitHub repositories (``zhongwanjun/AR-LSAT``, LSAC copyright;
``lgw863/LogiQA-dataset``, no licence stated), whose questions are put into the mirror one a row, in
these columns. Records::

    {"question": "A shelf holds 3 rows of 4 jars. How many are there?", "options": ["A)7", "B)12",
     "C)1", "D)3", "E)0"], "rationale": "3 x 4 = 12", "correct": "B"}
    {"passage": "Ann, Bo and Cy sit in a row. Bo sits first.", "question": "Who may sit last?",
     "options": ["Ann", "Bo", "nobody"], "answer": "A"}
    {"context": "所有的猫都是动物。", "question": "由此可以推出什么？", "options": ["有的动物是猫",
     "有的猫不是动物", "没有猫", "没有动物"], "label": "a"}
"""

from __future__ import annotations

import re

from tsdg.seeds.rows.item import Item, Row, text, texts
from tsdg.seeds.rows.row_forms import Form, lettered

_MARK = re.compile(r"^\(?[A-E]\)\s*")


_NUMBER = re.compile(r"^\d{1,3}\s?[.．、]\s*(?!\d(?!\d{3}年))")


def _problem(row: Row) -> Item:
    options = tuple(_MARK.sub("", option) for option in texts(row, "options"))
    return Item(question=text(row, "question"), options=options)


def _on_text(context: str, letter: str) -> Form:
    """The form of questions on a text, which stands in the column ``context``.

    Without the number that some have in their exam.
    """
    return Form(
        columns=(context, "question", "options", letter),
        item=lambda row: Item(
            question=_NUMBER.sub("", text(row, "question")),
            context=_NUMBER.sub("", text(row, context)),
            options=texts(row, "options"),
        ),
        gold=lambda row, item: lettered(row, letter, item),
    )


FORMS = {
    "deepmind/aqua_rat": Form(
        columns=("question", "options", "correct"),
        item=_problem,
        gold=lambda row, item: lettered(row, "correct", item),
        solution=("rationale",),
    ),
    "zhongwanjun/AR-LSAT": _on_text("passage", "answer"),
    "lgw863/LogiQA-dataset": _on_text("context", "label"),
}
