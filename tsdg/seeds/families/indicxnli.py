"""XNLI in Gujarati, translated by machine.

In lm-eval's template the question is empty.

Hub path ``Divyanshu/indicxnli``, file ``gu`` of its Parquet branch, splits train (392,702),
validation and test (scored), CC0-1.0 by the card. A record::

    {"premise": "બધી બત્તીઓ બંધ હતી.", "hypothesis": "અંધારું હતું.", "label": 0}
"""

from __future__ import annotations

from tsdg.seeds.families.xnli import FORMS

__all__ = ["FORMS"]
