"""SQuAD 1.1 train, translated by machine for MLQA.

No lm-eval task reads it.

Hub path ``facebook/mlqa``, configs ``mlqa-translate-train.ar`` to ``.zh``, split train (the
``mlqa.*`` configs hold validation and test, which are scored), CC-BY-SA-3.0. A record::

    {"context": "Der Rhein fließt durch Basel.", "question": "Durch welche Stadt fließt der Rhein?",
     "answers": {"answer_start": [23], "text": ["Basel"]}, "id": "5733be284776f41900661182"}
"""

from __future__ import annotations

from tsdg.seeds.rows.row_forms import extracted

FORMS = {"": extracted(question="question", context="context", answers="answers")}
