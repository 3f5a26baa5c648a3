"""Language drift between languages of one script, and explanations that explain nothing."""

from __future__ import annotations

import pytest

from generate.rows import seed
from tsdg.generate import checks
from tsdg.generate.fields import shape_of
from tsdg.generate.language import other_language

GERMAN = "Welcher Teil einer Pflanze nimmt das Wasser aus dem Boden auf?"
SPANISH = "¿Qué parte de una planta toma el agua de la tierra?"
ENGLISH = "Which part of a plant takes up the water from the soil?"


@pytest.mark.parametrize(
    ("text", "wanted", "found"),
    [
        (ENGLISH, "en", ""),
        (ENGLISH, "de", "en"),
        (GERMAN, "de", ""),
        (GERMAN, "en", "de"),
        (SPANISH, "es", ""),
        (SPANISH, "en", "es"),
        (SPANISH, "gl", "es"),
        (
            "Hvilken del af en plante optager vandet fra jorden?",
            "nb",
            "",
        ),  # Danish, and too near to tell
        ("Bahagian manakah dalam tumbuhan menyerap air daripada tanah?", "id", ""),
        (ENGLISH, "xx", ""),  # a language that nobody knows
        ("Berlin Hamburg", "es", ""),
        ("", "en", ""),
        (r"$\frac{x}{y} = \sqrt{z}$, \text{where} $x = 3$", "de", ""),
        ("```python\nwhile not finished and there is more to read:\n    pass\n```", "de", ""),
    ],
)
def test_only_what_is_surely_another_language_is_named(text: str, wanted: str, found: str) -> None:
    assert other_language(text, wanted) == found


def flaw(written: str, **over: str) -> str:
    row = seed(**over)
    shape = shape_of(
        row.answer_kind,
        question=row.question,
        context=row.context,
        options=row.options,
        classes=row.classes,
    )
    found = checks.check_texts(row, shape, question=written, context="")
    return found.detail if found else ""


def test_a_question_in_another_language_is_bad_format() -> None:
    assert (
        flaw(ENGLISH, language="de", question=GERMAN)
        == "written in the language 'en', the seed in 'de'"
    )
    assert (
        flaw("Welches Organ einer Pflanze speichert den Zucker?", language="de", question=GERMAN)
        == ""
    )


def test_what_the_seed_does_is_not_held_against_its_question() -> None:
    """A task whose seeds are in another language than the catalogue says."""
    assert (
        flaw("Which organ of a plant stores the sugar in winter?", language="de", question=ENGLISH)
        == ""
    )


@pytest.mark.parametrize(
    "text",
    [
        "The answer is",
        "The answer is iron.",
        "Iron",
        "N/A",
        "None.",
        "",
        "...",
        "So the correct answer is: iron",
        "Die richtige Antwort ist Iron.",
        "答案是",
        "Incorrect option.",
        "unknown",
    ],
)
def test_an_explanation_that_only_names_the_answer_says_nothing(text: str) -> None:
    assert checks.says_nothing(text, "the iron")


@pytest.mark.parametrize(
    "text",
    [
        "Iron rusts in moist air.",
        "It conducts electricity.",
        "铁会生锈。",
        "Gold is the answer to another question.",
    ],
)
def test_an_explanation_says_something(text: str) -> None:
    assert not checks.says_nothing(text, "the iron")


def test_all_bytes_at_once_give_what_the_model_itself_gives_to_the_last_bit() -> None:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    from tsdg.generate.language_model import Identifier

    own, model = (
        kind.from_model_file(MODEL_FILE, norm_probs=True)
        for kind in (Identifier, LanguageIdentifier)
    )
    texts = [
        "",
        " ",
        "a",
        GERMAN,
        SPANISH,
        ENGLISH,
        "植物のどの部分が土から水を取りますか",
        "É  É",
        "\n the of",
    ]
    texts.append(" ".join(texts))
    for _ in range(2):  # the second time by what was remembered
        assert [own.classify(text) for text in texts] == [model.classify(text) for text in texts]
