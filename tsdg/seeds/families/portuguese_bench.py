"""ASSIN and ASSIN 2: whether one Portuguese sentence follows from another.

In lm-eval's template the question is empty.

Hub paths ``nilc-nlp/assin`` (5,000) and ``nilc-nlp/assin2`` (6,500), splits train, validation and
test (scored), licence unknown. Label 0 is none, 1 entailment and 2, in ASSIN alone, paraphrase,
which is entailment both ways. A record::

    {"sentence_pair_id": 1, "premise": "A Ana vendeu o carro à Eva.",
     "hypothesis": "A Eva comprou um carro.", "relatedness_score": 4.5, "entailment_judgment": 1}
"""

from __future__ import annotations

from dataclasses import replace

from tsdg.seeds.rows.item import Gold, Item, MalformedRowError, Row, chosen, integer
from tsdg.seeds.rows.row_forms import classified

_ENTAILMENT = classified(
    "entailment", "pt", context=("premise",), quoted=("hypothesis",), label="entailment_judgment"
)


def _judged(row: Row, item: Item) -> Gold:
    label = integer(row, "entailment_judgment")
    if label not in (0, 1, 2):
        raise MalformedRowError("entailment_judgment", f"found {label}, allowed are 0 to 2")
    return chosen(item, min(label, 1), "entailment_judgment")


FORMS = {
    "nilc-nlp/assin": replace(_ENTAILMENT, gold=_judged),
    "nilc-nlp/assin2": _ENTAILMENT,
}
