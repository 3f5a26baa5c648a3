"""ANLI: inference from short texts, written to fool models in three rounds.

Hub path ``facebook/anli``, splits train_r1 (16,946), train_r2 (45,460), train_r3 (100,459), dev_r1
to dev_r3 and test_r1 to test_r3 (scored), CC-BY-NC-4.0. A record::

    {"uid": "u1", "premise": "The lamps were all off.", "hypothesis": "It was dark.", "label": 0,
     "reason": ""}
"""

from __future__ import annotations

from dataclasses import replace

from tsdg.seeds.rows.row_forms import classified

_FORM = classified("nli", "en", context=("premise",), quoted=("hypothesis",), label="label")
FORMS = {"": replace(_FORM, solution=("reason",))}
