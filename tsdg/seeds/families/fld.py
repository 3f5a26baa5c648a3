"""FLD: whether facts prove a hypothesis, in made-up sentences.

lm-eval has one prompt, which begins with an instruction.

Hub path ``hitachi-nlp/FLD.v2``, configs ``default`` and ``star``, splits train (30,000 each),
validation and test (scored), licence unverified. The prompt and proof columns are not read. A
record::

    {"hypothesis": "the owl is not grey.",
     "context": "sent1: the owl is grey. sent2: if something is grey it sleeps.",
     "world_assump_label": "DISPROVED", "proof_label": "DISPROVED", "depth": 1,
     "prompt_serial": "...", ...}
"""

from __future__ import annotations

import re

from tsdg.seeds.rows.item import Gold, Item, Row, sentence, text
from tsdg.seeds.rows.row_forms import Form, named

_LABELS = ("PROVED", "DISPROVED", "UNKNOWN")
_NUMBER = re.compile(r"\bsent\d+:\s*")


def item(row: Row) -> Item:
    """The hypothesis on the facts, one a line."""
    facts = "\n".join(
        sentence(fact.strip()) for fact in _NUMBER.split(text(row, "context")) if fact.strip()
    )
    hypothesis = sentence(text(row, "hypothesis"))
    question = f"Do these facts prove or disprove this, or leave it unknown? {hypothesis}"
    return Item(question=question, context=facts, options=tuple(label.lower() for label in _LABELS))


def gold(row: Row, item: Item) -> Gold:
    """The label."""
    return named(row, "world_assump_label", item)


FORMS = {
    "": Form(
        columns=("hypothesis", "context", "world_assump_label"), item=item, gold=gold, classes=True
    )
}
