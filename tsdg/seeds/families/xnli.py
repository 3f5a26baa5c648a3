"""XNLI: MultiNLI's pairs of premise and hypothesis in fifteen languages.

In lm-eval's template the question is empty.

Hub path ``facebook/xnli``, one config a language, splits train (392,702 each, machine-translated),
validation (scored) and test, CC-BY-NC-4.0. The texts are split into tokens. A record::

    {"premise": "The lamps were all off .", "hypothesis": "It was dark .", "label": 0}
"""

from __future__ import annotations

from tsdg.seeds.rows.phrases import wordings
from tsdg.seeds.rows.row_forms import classified

# Label 0 is entailment, 1 neutral, 2 contradiction.
FORMS = {
    language: classified(
        "nli",
        language,
        context=("premise",),
        quoted=("hypothesis",),
        label="label",
    )
    for language in wordings("nli")
}
