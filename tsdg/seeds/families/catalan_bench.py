"""CatalanBench: ten data sets in Catalan.

lm-eval's templates ask no question, or their Python module needs more packages.

Hub paths ``projecte-aina/...`` and ``nbel/CatCoLA``, splits train, validation and test (scored);
each has its own licence. Records::

    {"id": "a1", "title": "Basilea", "context": "Basilea és a la vora del Rin.",
     "question": "A quin riu és Basilea?", "answers": [{"text": "Rin", "answer_start": 25}]}
    {"story": "En Pol té dos gossos.", "questions": ["Què té en Pol?", "Quants?"],
     "answers": {"input_text": ["gossos", "dos"], ...},
     "additional_answers": {"0": {"input_text": ["gossos", "2"], ...}}}
    {"content": "Avui plou. Demà farà sol.", "summaries": {"extreme": {"a1": "Canvia el temps.",
     ...}, ...}, ...}
    {"premise": "Tot era fosc.", "hypothesis": "No hi havia llum.", "label": 0}
    {"sentence1": "L'Anna va guanyar l'Eva.", "sentence2": "L'Eva va guanyar l'Anna.", "label": 0}
    {"premise": "El got es va trencar.", "choice1": "Va caure.", "choice2": "Lluïa.",
     "question": "cause", "label": 0}
    {"Sentence": "La gata dorm.", "Label": 1}
    {"input_sentence_1": "...", ..., "sentence_quiz1": "...", "sentence_quiz2": "...",
     "answer_right_ending": 1}
"""

from __future__ import annotations

from collections.abc import Mapping

from tsdg.seeds.rows.item import Gold, Item, MalformedRowError, Row, found, text
from tsdg.seeds.rows.phrases import phrase
from tsdg.seeds.rows.row_forms import Form, caused, classified, continued, extracted, talked

_PAIR = ("sentence1", "sentence2")


def _shortest(row: Row) -> str:
    """The first annotator's shortest summary, of the three lengths that the source has."""
    kinds = row["summaries"]
    extreme = kinds.get("extreme") if isinstance(kinds, Mapping) else None
    if not isinstance(extreme, Mapping):
        raise MalformedRowError("summaries", f"found {found(kinds)}, summaries are needed")
    return text(extreme, "a1")


FORMS = {
    "projecte-aina/catalanqa": extracted(question="question", context="context", answers="answers"),
    "projecte-aina/CoQCat": talked(),
    "projecte-aina/caBreu": Form(
        columns=("content", "summaries"),
        item=lambda row: Item(
            question=phrase("summary", "ca").question, context=text(row, "content")
        ),
        gold=lambda row, item: Gold(kind="text", answer=_shortest(row)),
    ),
    "projecte-aina/teca": classified(
        "nli", "ca", context=("premise",), quoted=("hypothesis",), label="label"
    ),
    "projecte-aina/Parafraseja": classified("paraphrase", "ca", quoted=_PAIR, label="label"),
    "projecte-aina/PAWS-ca": classified("paraphrase", "ca", quoted=_PAIR, label="label"),
    "projecte-aina/wnli-ca": classified(
        "entailment", "ca", context=_PAIR[:1], quoted=_PAIR[1:], label="label"
    ),
    "projecte-aina/COPA-ca": caused(
        "copa_ca", premise="premise", asks="question", options=("choice1", "choice2"), label="label"
    ),
    "nbel/CatCoLA": classified("acceptable", "ca", quoted=("Sentence",), label="Label"),
    "projecte-aina/xstorycloze_ca": continued(
        "ending",
        "ca",
        story=tuple(f"input_sentence_{number}" for number in range(1, 5)),
        endings=("sentence_quiz1", "sentence_quiz2"),
        label="answer_right_ending",
        base=1,
    ),
}
