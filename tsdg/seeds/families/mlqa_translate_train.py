"""SQuAD 1.1 train, translated by machine for MLQA.

No lm-eval task reads it. In the Chinese part the words of an answer are parted by spaces, in the
passage too.

Hub path ``facebook/mlqa``, configs ``mlqa-translate-train.ar`` to ``.zh``, split train (the
``mlqa.*`` configs hold validation and test, which are scored), CC-BY-SA-3.0. A record::

    {"context": "Der Rhein fließt durch Basel.", "question": "Durch welche Stadt fließt der Rhein?",
     "answers": {"answer_start": [23], "text": ["Basel"]}, "id": "5733be284776f41900661182"}
"""

from __future__ import annotations

from dataclasses import replace

from tsdg.seeds.rows.item import Row, part, text
from tsdg.seeds.rows.residue import unparted_name
from tsdg.seeds.rows.row_forms import extracted

_FORM = extracted(question="question", context="context", answers="answers")


def _unparted(row: Row) -> Row:
    """The row with its answers in one piece, where the passage has them."""
    marked, passage = part(row["answers"], "text"), text(row, "context")
    spans = [span for span in marked or () if isinstance(span, str)]
    for span in spans:
        passage = passage.replace(span, unparted_name(span))
    return {**row, "context": passage, "answers": {"text": [unparted_name(one) for one in spans]}}


FORMS = {
    "": _FORM,
    "mlqa-translate-train.zh": replace(
        _FORM,
        item=lambda row: _FORM.item(_unparted(row)),
        gold=lambda row, item: _FORM.gold(_unparted(row), item),
    ),
}
