r"""NorEval: Norwegian questions, sentiment and corrections.

lm-eval has five prompts for each row. Here a row is one seed.

Hub paths ``ltg/norquad`` (CC0-1.0), ``ltg/noropenbookqa``, ``ltg/norec_document`` and
``ltg/norec_sentence`` (config ``binary``, CC-BY-NC-4.0) and ``ltg/ask-gec`` (restricted), splits
train, validation and test (scored). Records::

    {"id": "1", "context": "Bergen\nBergen er en by i Norge.", "question": "Hvor ligger Bergen?",
     "answers": {"text": ["Norge"], "answer_start": [29]}}
    {"id": "1", "question_stem": "Planter puster inn", "choices": {"label": ["A", "B", "C", "D"],
     "text": ["karbondioksid", "helium", "neon", "argon"]}, "answer": "A",
     "fact": "Planter trenger karbondioksid"}
    {"review": "En flott film.", "sentiment": 1}
    {"source": "Jeg har to hund.", "correction": "Jeg har to hunder."}
"""

from __future__ import annotations

from dataclasses import replace

from tsdg.seeds.rows.item import Gold, Item, text
from tsdg.seeds.rows.phrases import phrase
from tsdg.seeds.rows.row_forms import (
    Form,
    chosen_label,
    classified,
    extracted,
    labelled_choices,
    optional,
)

_SENTIMENT = classified("noreval", "sentiment", context=("review",), label="sentiment")
FORMS = {
    "ltg/norquad": extracted(question="question", context="context", answers="answers"),
    "ltg/noropenbookqa": Form(
        columns=("fact", "question_stem", "choices", "answer"),
        item=lambda row: replace(
            labelled_choices(row, "question_stem", "choices"), context=optional(row, "fact")
        ),
        gold=lambda row, item: chosen_label(row, "answer", "choices", item),
    ),
    "ltg/norec_document": _SENTIMENT,
    "ltg/norec_sentence": _SENTIMENT,
    "ltg/ask-gec": Form(
        columns=("source", "correction"),
        item=lambda row: Item(
            question=phrase("noreval", "correction").question, context=text(row, "source")
        ),
        gold=lambda row, item: Gold(kind="text", answer=text(row, "correction")),
    ),
}
