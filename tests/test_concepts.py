"""Names of concepts: what is one concept, and what is not."""

from __future__ import annotations

import pytest

from tsdg.concepts import concept_key, tidy

SAME = [
    ("Newton's Laws", "newtons law"),
    ("Newton's laws of motion", "Newton’s law of motion"),
    ("the haemoglobins", "Hemoglobin"),
    ("cell-cycle", "Cell  cycles"),
    ("photo synthesis", "photosynthesis"),
    ("Colour theory", "color theory"),
    ("Poincaré conjecture", "poincare conjecture"),
    ("the baker's", "Baker"),
    ("Bayes' theorem", "Bayes theorem"),
    ("optimisation", "Optimization."),
    ("theories", "theory"),
    ("catalogue", "catalog"),
    ("boxes", "box"),
    ("TCP/IP", "tcp ip"),
    ("光合作用", "光合作用。"),
]
OTHER = [
    ("mitosis", "meiosis"),
    ("C++", "C"),
    ("hypertension", "hypotension"),
    ("ethics", "ether"),
    ("क्षेत्रफल", "क्षेत्र"),
    ("mass", "mas"),
    ("光合作用", "光"),
    ("Newton's first law", "Newton's second law"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_spellings_of_one_concept_share_a_key(one: str, other: str) -> None:
    assert concept_key(one) == concept_key(other) != ""


@pytest.mark.parametrize(("one", "other"), OTHER)
def test_different_concepts_have_different_keys(one: str, other: str) -> None:
    assert concept_key(one) != concept_key(other)


def test_a_text_without_letters_has_no_key() -> None:
    assert concept_key(" — ") == ""


def test_a_name_loses_what_stands_around_it() -> None:
    assert tidy("  “Cell\n cycle”. ") == "Cell cycle"
