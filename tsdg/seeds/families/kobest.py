"""KoBEST: five Korean tasks.

lm-eval's prompts label the question within the line, or ask none.

Hub path ``skt/kobest_v1``, configs ``boolq copa hellaswag sentineg wic``, splits train, validation
and test (scored), CC-BY-SA-4.0. Records::

    {"paragraph": "고래는 포유류다.", "question": "고래는 물고기인가?", "label": 0}
    {"premise": "잔이 깨졌다.", "question": "원인", "alternative_1": "떨어졌다.",
     "alternative_2": "컸다.", "label": 0}
    {"context": "고양이를 찾았다. 추워 보였다.", "ending_1": "집에 데려갔다.", "ending_2": "...",
     "ending_3": "...", "ending_4": "...", "label": 0}
    {"sentence": "다시 사고 싶어요", "label": 1}
    {"word": "배", "context_1": "[배]를 탔다.", "context_2": "[배]를 먹었다.", "label": 0}
"""

from __future__ import annotations

from dataclasses import replace

from tsdg.seeds.rows.item import Item, Row, text
from tsdg.seeds.rows.row_forms import caused, classified, continued

_BOOLQ, _SAID = (
    classified("kobest", key, context=("paragraph",), quoted=("question",), label="label")
    for key in ("boolq", "boolq_said")
)


def _asked(row: Row) -> Item:
    """Two of five questions are none: they say something, which is right or not."""
    says = text(row, "question").rstrip(" .").endswith("다")
    return (_SAID if says else _BOOLQ).item(row)


FORMS = {
    "boolq": replace(_BOOLQ, item=_asked),
    "copa": caused(
        "copa_ko",
        premise="premise",
        asks="question",
        options=("alternative_1", "alternative_2"),
        label="label",
    ),
    "hellaswag": continued(
        "ending",
        "ko",
        story=("context",),
        endings=tuple(f"ending_{number}" for number in range(1, 5)),
        label="label",
        base=0,
    ),
    "sentineg": classified("kobest", "sentineg", quoted=("sentence",), label="label"),
    "wic": classified(
        "kobest", "wic", context=("context_1", "context_2"), quoted=("word",), label="label"
    ),
}
