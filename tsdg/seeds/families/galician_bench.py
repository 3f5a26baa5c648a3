"""GalicianBench: four data sets in Galician.

The Python module of lm-eval's tasks needs more packages, and most of the templates ask no question.

Hub paths ``proxectonos/...``, splits train, validation and test (scored); each has its own licence.
Records::

    {"id": "1", "text": "Hoxe chove. Mañá vai sol.", "summary": "Cambia o tempo."}
    {"Frase": "A gata dorme.", "Paráfrase": "Está a durmir a gata.", "Avaliación": 1}
    {"sentence": "A gata dorme.", "label": 1}
    {"InputSentence1": "...", ..., "RandomFifthSentenceQuiz1": "...",
     "RandomFifthSentenceQuiz2": "...", "AnswerRightEnding": 1}
"""

from __future__ import annotations

from dataclasses import replace

from tsdg.seeds.rows.item import Gold, Item, Row, chosen, integer
from tsdg.seeds.rows.row_forms import classified, continued, summarised

_PARAPHRASE = classified("paraphrase", "gl", quoted=("Frase", "Paráfrase"), label="Avaliación")


def _graded(row: Row, item: Item) -> Gold:
    """0 is no paraphrase; every other grade is one, as lm-eval has it."""
    return chosen(item, min(integer(row, "Avaliación"), 1), "Avaliación")


FORMS = {
    "proxectonos/summarization_gl": summarised("summary", "gl", context="text", summary="summary"),
    "proxectonos/parafrases_gl": replace(_PARAPHRASE, gold=_graded),
    "proxectonos/galcola": classified("acceptable", "gl", quoted=("sentence",), label="label"),
    "proxectonos/xstorycloze_gl": continued(
        "ending",
        "gl",
        story=tuple(f"InputSentence{number}" for number in range(1, 5)),
        endings=("RandomFifthSentenceQuiz1", "RandomFifthSentenceQuiz2"),
        label="AnswerRightEnding",
        base=1,
    ),
}
