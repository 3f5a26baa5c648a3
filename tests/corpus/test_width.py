"""Figures of small sets of questions, held to values worked out by hand."""

from __future__ import annotations

import zlib
from collections import Counter

import pytest

from tsdg.corpus.narrow import FEWEST, narrower
from tsdg.corpus.width import (
    WINDOW_BYTES,
    WINDOW_WORDS,
    Reading,
    Width,
    names_of,
    nested,
    spread,
    together,
)

NOWHERE = ("", "", "")


def read(*texts: str, answer: str = "", of_class: bool = False) -> Reading:
    reading = Reading()
    for text in texts:
        reading.add(text, answer=answer, of_class=of_class, subject=NOWHERE)
    return reading


def test_two_agree() -> None:
    found = spread(Counter({"a": 3, "b": 1}))
    # Of six pairs of four values, three are of two a.
    assert (found.agree, found.commonest, found.share) == (0.5, "a", 0.75)
    assert (found.total, found.distinct) == (4, 2)
    assert spread(Counter()).agree == spread(Counter({"a": 1})).agree == 0


def test_openings_names_numbers_and_lengths() -> None:
    width = read(
        "How many apples has Ann, who had 3?",
        "How many apples has Ben got? Ann has 3 of 12.",
        "Why is it so?",
    ).width()
    assert width.questions == 3
    assert (width.openings.commonest, width.openings.agree) == ("how many apples", 1 / 3)
    assert (width.names.total, width.names.distinct) == (2, 2)  # Ben; Ann where no sentence begins
    assert (width.numbers.total, width.numbers.commonest) == (3, "3")
    assert width.words == (5, 8, 10)
    assert width.type_token is width.compression is None


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Ann asks Ben.", ["Ben"]),
        ("Is Ann's dog in 'Rome'? Yes.", ["Ann", "Rome"]),
        ("she said I am Dr. Who", ["Dr"]),
        ("光合作用", []),
    ],
)
def test_names(text: str, names: list[str]) -> None:
    assert list(names_of(text)) == names


def test_classes_stand_apart_from_answers() -> None:
    width = together(
        [
            read("A?", "B?", "C?", answer="Yes", of_class=True),
            read("D?", answer="no", of_class=True),
        ]
    ).width()
    assert (width.classes.commonest, width.classes.share) == ("yes", 0.75)
    assert width.answers.total == 0


def test_words_and_compression_are_taken_at_a_fixed_length() -> None:
    ten = " ".join(f"w{number}" for number in range(10))
    width = read(*[ten] * (WINDOW_WORDS // 10)).width()
    assert width.type_token == 10 / WINDOW_WORDS
    line = f"{ten}\n"
    lines = WINDOW_BYTES // len(line) + 1
    width = read(*[ten] * lines).width()
    block = (line * lines).encode()[:WINDOW_BYTES]
    assert width.compression == WINDOW_BYTES / len(zlib.compress(block))
    # Ten times as much of the same says the same.
    assert read(*[ten] * 10 * lines).width().type_token == width.type_token


def test_subjects_nest() -> None:
    assert nested(("Biology", "Botany", "Roots")) == [
        "biology",
        "biology > botany",
        "biology > botany > roots",
    ]
    reading = Reading()
    reading.add("?", answer="", of_class=False, subject=("Biology", "Botany", "Roots"))
    reading.add("?", answer="", of_class=False, subject=("Law", "", ""))
    width = reading.width()
    assert (width.fields.distinct, width.subfields.distinct, width.concepts.distinct) == (2, 1, 1)


def test_several_sets_together() -> None:
    whole = together([read("How many are there?"), read("How many are here?", "Why?")]).width()
    assert whole.questions == 3
    assert whole.openings.share == 2 / 3
    assert together([]).width().questions == 0


def many(opening: str, count: int = FEWEST) -> Width:
    return read(*(f"{opening} w{number} x{number}?" for number in range(count))).width()


def test_a_narrow_set_is_named_with_its_figure() -> None:
    seeds = read(*(f"a{number} b{number} c{number}?" for number in range(FEWEST))).width()
    found = narrower(many("How many apples"), seeds, repeated=(0.3, 0.1))
    assert [one.figure for one in found] == ["near-duplicates", "openings"]
    assert found[0].said == "30.0%, against 10.0% of as many"
    assert found[1].said == (
        "two agree with chance 100.0%, against 0.0%; commonest 'how many apples', 100.0%"
    )


def test_what_seeds_do_as_well_is_not_narrow() -> None:
    same = many("How many apples")
    assert narrower(same, same, repeated=(0.3, 0.2)) == ()


def test_of_few_questions_nothing_is_said() -> None:
    seeds = read(*(f"a{number} b{number} c{number}?" for number in range(FEWEST))).width()
    assert narrower(many("How many", FEWEST - 1), seeds, repeated=(0.9, 0.0)) == ()


def test_classes_out_of_balance() -> None:
    even = together(
        [
            read(*[f"s{n}?" for n in range(50)], answer="yes", of_class=True),
            read(*[f"t{n}?" for n in range(50)], answer="no", of_class=True),
        ]
    ).width()
    yes = read(*[f"s{n}?" for n in range(100)], answer="yes", of_class=True).width()
    assert [one.figure for one in narrower(yes, even, repeated=(0, 0))] == ["classes"]
