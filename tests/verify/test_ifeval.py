"""lm-eval's own instruction checkers, behind the wall of the symbolic worker."""

from __future__ import annotations

import asyncio
import json

import pytest

from tsdg.protocols import Asked, Prover
from tsdg.verify import symbolic, verifier_for
from tsdg.verify.ifeval import InstructionVerifier, check_ready

GIVEN = [
    ({"id": "punctuation:no_comma"}, "Iron and gold.", "Iron, gold."),
    (
        {"id": "keywords:existence", "keywords": ["iron", "gold"]},
        "Iron is not gold.",
        "Iron is a metal.",
    ),
    ({"id": "keywords:forbidden_words", "forbidden_words": ["iron"]}, "Gold it is.", "Iron it is."),
    (
        {"id": "length_constraints:number_words", "relation": "at least", "num_words": 4},
        "One two three four.",
        "One two three.",
    ),
    (
        {"id": "length_constraints:number_paragraphs", "num_paragraphs": 2},
        "One.\n***\nTwo.",
        "One. Two.",
    ),
    ({"id": "detectable_format:json_format"}, '{"metal": "iron"}', "metal: iron"),
    ({"id": "detectable_format:number_bullet_lists", "num_bullets": 2}, "* a\n* b", "* a"),
    ({"id": "detectable_format:title"}, "<<Metals>>\nIron.", "Metals\nIron."),
    ({"id": "startend:end_checker", "end_phrase": "That is all."}, "Iron. That is all.", "Iron."),
    ({"id": "startend:quotation"}, '"Iron."', "Iron."),
    (
        {"id": "language:response_language", "language": "de"},
        "Eisen ist ein Metall, das an feuchter Luft rostet.",
        "Iron is a metal that rusts in moist air.",
    ),
    (
        {"id": "change_case:english_lowercase"},
        "iron is a metal that rusts in moist air.",
        "Iron is a metal that rusts in moist air.",
    ),
    (
        {"id": "combination:repeat_prompt", "prompt_to_repeat": "Name a metal."},
        "Name a metal. Iron.",
        "Iron.",
    ),
]


KIND = "detectable_format:number_highlighted_sections"
TOO_KIND = [
    ({"id": "keywords:existence", "keywords": ["art"]}, "The art of it.", "It starts so."),
    (
        {"id": "keywords:frequency", "keyword": "pan", "frequency": 2, "relation": "at least"},
        "A pan on a PAN.",
        "A pan for Spanish pancakes.",
    ),
    ({"id": "keywords:forbidden_words", "forbidden_words": ["铁"]}, "金是金属。", "生铁是金属。"),
    ({"id": "detectable_format:json_format"}, '```json\n["tin"]\n```', "true"),
    ({"id": "detectable_format:json_format"}, '{"a": 1}', '"tin"'),
    ({"id": "detectable_format:json_format"}, '{"a": 1}', '{"a": NaN}'),
    ({"id": "punctuation:no_comma"}, "Eisen; Gold.", "铁、金"),
    ({"id": "punctuation:no_comma"}, "حديد وذهب", "حديد، ذهب"),
    ({"id": "language:response_language", "language": "en"}, "Iron is a metal.", "12 + 5 = 17"),
    ({"id": "detectable_format:number_bullet_lists", "num_bullets": 2}, "- a\n- b", "- a\n---"),
    (
        {"id": "detectable_content:number_placeholders", "num_placeholders": 1},
        "Dear [name]",
        "As shown [3].",
    ),
    ({"id": KIND, "num_highlights": 1}, "It is *tin*.", "3 * 4 * 5 is 60."),
    ({"id": "detectable_format:constrained_response"}, "My answer is no.",
     "My answer is yes. My answer is no."),
    ({"id": "detectable_content:postscript", "postscript_marker": "P.S."},
     "Iron.\nP.S. Or tin.", "A note called p.s. is usual."),
    ({"id": "startend:end_checker", "end_phrase": "end."}, "The end.", "On a weekend."),
    ({"id": "combination:repeat_prompt", "prompt_to_repeat": "Name a metal"},
     "Name a metal: tin", "Name a metal"),
    ({"id": "startend:quotation"}, '"Iron, or "tin" if cheap."', '"Iron" or "tin"'),
    (
        {"id": "length_constraints:number_words", "relation": "at least", "num_words": 6},
        "It does not rust so fast.",
        "It doesn't, that's it.",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("check", "follows", "breaks"), TOO_KIND)
def test_what_a_reader_would_not_call_followed(
    check: dict[str, object], follows: str, breaks: str
) -> None:
    assert verdicts([check], follows, breaks) == ["passed", "wrong"]
    assert symbolic.broken_instruction(breaks, (json.dumps(check),)) == ""


def verdicts(checks: list[dict[str, object]], *answers: str) -> list[str]:
    asked = Asked(question="", context="", options=(), checks=tuple(map(json.dumps, checks)))
    return [proof.verdict for proof in asyncio.run(InstructionVerifier().prove(answers, asked))]


@pytest.mark.parametrize(
    ("check", "follows", "breaks"), GIVEN, ids=[check["id"] for check, _, _ in GIVEN]
)
def test_an_instruction_is_followed_or_not(
    check: dict[str, object], follows: str, breaks: str
) -> None:
    assert verdicts([check], follows, breaks) == ["passed", "wrong"]


def test_all_instructions_must_be_followed() -> None:
    checks = [check for check, _, _ in GIVEN[:2]]
    assert verdicts(checks, "Iron is not gold.", "Iron, gold.", "Silver.") == [
        "passed",
        "wrong",
        "wrong",
    ]
    assert verdicts([], "Iron.") == ["wrong"]


def test_a_check_that_leaves_something_to_chance_fails() -> None:
    check = json.dumps({"id": "length_constraints:number_words"})
    assert symbolic.broken_instruction("Iron.", (check,)).endswith("lacks num_words, relation")  # type: ignore[union-attr]


def test_a_name_that_is_none_is_told() -> None:
    assert (
        symbolic.broken_instruction("Iron.", ('{"id": "no:such"}',))
        == "no instruction is called no:such"
    )


@pytest.mark.parametrize("check", ["no JSON", '{"id": "keywords:existence", "keywords": ["("]}'])
def test_what_cannot_be_checked_passes_nobody(check: str) -> None:
    assert symbolic.broken_instruction("Iron ( gold.", (check,)) is None


def test_a_hostile_pattern_ends_at_the_limit() -> None:
    check = json.dumps({"id": "keywords:existence", "keywords": ["(a+)+b"]})
    assert symbolic.broken_instruction("a" * 64, (check,)) is None
    assert verdicts([GIVEN[0][0]], "Iron.") == ["passed"]  # the next child answers


def test_it_is_a_verifier_that_tests_answers() -> None:
    check_ready()
    verifier = verifier_for("ifeval")
    assert isinstance(verifier, Prover)
    assert (
        verifier.read("  Iron.\n", Asked(question="", context="", options=(), checks=()))
        == "  Iron.\n"
    )
    assert verifier.read(" ", Asked(question="", context="", options=(), checks=())) is None
    assert verifier.alike("followed", "followed")
