"""SpanishBench: four data sets in Spanish.

lm-eval's prompts end in the label of an answer, or need more packages.

Hub paths ``csebuetnlp/xlsum`` (config ``spanish``, CC-BY-NC-SA-4.0), ``nbel/EsCoLA``,
``gplsi/cocoteros`` and ``PlanTL-GOB-ES/wnli-es`` (CC-BY-4.0), splits train, validation and test
(scored). Records::

    {"id": "1", "url": "...", "title": "El tiempo", "summary": "Cambia el tiempo.",
     "text": "Hoy llueve. Mañana ..."}
    {"ID": "EsCoLA_1", "Sentence": "La gata duerme.", "Label": 1, ...}
    {"keywords": "gata, sol", "context": "Es verano.", "text": "La gata duerme al sol."}
    {"sentence1": "Ana vendió el coche a Eva.", "sentence2": "Eva tiene un coche.", "label": 1}
"""

from __future__ import annotations

from tsdg.seeds.rows.item import Gold, Item, text
from tsdg.seeds.rows.phrases import phrase
from tsdg.seeds.rows.row_forms import Form, classified, summarised

FORMS = {
    "csebuetnlp/xlsum": summarised("summary", "es", context="text", summary="summary"),
    "nbel/EsCoLA": classified("acceptable", "es", quoted=("Sentence",), label="Label"),
    "gplsi/cocoteros": Form(
        columns=("keywords", "context", "text"),
        item=lambda row: Item(
            question=phrase("cocoteros", "es").question.format(text(row, "keywords")),
            context=text(row, "context"),
        ),
        gold=lambda row, item: Gold(kind="text", answer=text(row, "text")),
    ),
    "PlanTL-GOB-ES/wnli-es": classified(
        "entailment", "es", context=("sentence1",), quoted=("sentence2",), label="label"
    ),
}
