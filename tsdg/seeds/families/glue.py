"""GLUE: sentences and pairs of sentences to be judged.

lm-eval words some of the classes as True and False, which the labels do not mean.

Hub path ``nyu-mll/glue``, configs ``cola``, ``mnli``, ``mrpc``, ``qnli``, ``qqp``, ``rte``,
``sst2``, ``wnli``, splits train and validation (scored); each data set has its own licence.
Records::

    {"sentence": "The cat who sleeps is mine.", "label": 1, "idx": 0}
    {"sentence1": "Ann sold her car to Bob.", "sentence2": "Bob has a car.", "label": 0, "idx": 0}
    {"premise": "All lights were off.", "hypothesis": "It was dark.", "label": 0, "idx": 0}
    {"question": "Who wrote it?", "sentence": "It was written by Ada.", "label": 0, "idx": 0}
    {"question1": "How do I boil rice?", "question2": "What is the way to boil rice?", "label": 1,
     "idx": 0}
"""

from __future__ import annotations

import re

from tsdg.seeds.rows.posts import telling
from tsdg.seeds.rows.residue import capitalised
from tsdg.seeds.rows.row_forms import Form, classified

_CUT_OFF = re.compile(r"^(?:(?:[,;:.)!?-]+|'s|n't|'re|'d|'ll|'ve)\s+)+")


def _comment(value: str) -> str:
    """A part of a comment that says something; many are cut off at signs and endings."""
    return capitalised(telling(_CUT_OFF.sub("", value).rstrip(" ,;:-"), "sentence"))


def _form(key: str, *quoted: str, context: tuple[str, ...] = ()) -> Form:
    return classified("glue", key, quoted=quoted, context=context, label="label")


_PAIR = ("sentence1", "sentence2")
FORMS = {
    "cola": _form("cola", "sentence"),
    "sst2": classified("glue", "sst2", quoted=("sentence",), label="label", clean=_comment),
    "mnli": classified("nli", "en", context=("premise",), quoted=("hypothesis",), label="label"),
    "qnli": _form("qnli", "question", context=("sentence",)),
    "rte": _form("rte", "sentence2", context=("sentence1",)),
    "wnli": _form("wnli", "sentence2", context=("sentence1",)),
    "mrpc": _form("mrpc", *_PAIR),
    "qqp": _form("qqp", "question1", "question2"),
}
