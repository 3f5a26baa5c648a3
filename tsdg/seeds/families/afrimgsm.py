"""AfriMGSM: the eight exemplars of MGSM in nineteen more languages, in the same columns.

Hub path ``masakhane/afrimgsm``, one config a language, splits train (8, shown before each scored
question) and test (scored), Apache-2.0. lm-eval cuts the worked solution at a fixed place; the
number has a column of its own. A record::

    {"question": "Question: Rafu ina safu 3 za mitungi 4. Kuna mitungi mingapi?",
     "answer": "Step-by-Step Answer: ...", "answer_number": 12, "equation_solution": "3 * 4 = 12"}
"""

from __future__ import annotations

from tsdg.seeds.families.mgsm import FORMS

__all__ = ["FORMS"]
