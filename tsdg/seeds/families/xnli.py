"""XNLI: MultiNLI's pairs of premise and hypothesis in fifteen languages.

In lm-eval's template the question is empty.

Hub path ``facebook/xnli``, one config a language, splits train (392,702 each, machine-translated),
validation (scored) and test, CC-BY-NC-4.0. The texts are split into tokens. A record::

    {"premise": "The lamps were all off .", "hypothesis": "It was dark .", "label": 0}
"""

from __future__ import annotations

import re

from tsdg.seeds.rows.item import MalformedRowError, found
from tsdg.seeds.rows.phrases import wordings
from tsdg.seeds.rows.residue import unparted_thai, unspaced
from tsdg.seeds.rows.row_forms import classified

_UNDECIDED = re.compile(r"[\u0900-\u097f][\u0921\u0922] \u093c (?=[\u0904-\u0939])")
"""A dotted letter after which a word may end or go on: ``लड ़ का``."""


def _hindi(value: str) -> str:
    """A text whose parted words can be put together for sure."""
    if _UNDECIDED.search(value):
        raise MalformedRowError("premise, hypothesis", f"found {found(value)}, cut within words")
    return value.strip()


_CLEAN = {"hi": _hindi, "th": unparted_thai, "zh": unspaced}
# Label 0 is entailment, 1 neutral, 2 contradiction.
FORMS = {
    language: classified(
        "nli",
        language,
        context=("premise",),
        quoted=("hypothesis",),
        label="label",
        clean=_CLEAN.get(language, str.strip),
    )
    for language in wordings("nli")
}
