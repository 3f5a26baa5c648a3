import re
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsdg.hashset import HashSet
from tsdg.seeds.rows.item import Item
from tsdg.seeds.rows.keys import ItemKeys, keys, normalise, plain, weight


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("What is  it?", "what is it"),
        ("ＡＢＣ１２", "abc12"),
        ("It's a “test”.", "its a test"),
        ("光合作用 是什么？", "光合作用是什么"),
        ("Straße", "STRASSE"),
        ("cafe\u0301", "café"),
        ("costs $5.", "costs 5"),
        ("f(−5)", "f(-5)"),
    ],
)
def test_what_differs_in_form_only_is_the_same(left: str, right: str) -> None:
    assert normalise(left) == normalise(right)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("f(5)", "f(-5)"),
        ("1.5 metres", "15 metres"),
        ("3/4 of it", "34 of it"),
        ("2+3", "2=3"),
        ("x^2", "x2"),
        ("10²", "102"),
        ("किताब", "कतब"),  # the same consonants, other vowel signs
        ("光合作用", "光和作用"),
        ("ratio 3:4", "ratio 34"),
    ],
)
def test_what_differs_in_meaning_is_not_the_same(left: str, right: str) -> None:
    assert normalise(left) != normalise(right)


def test_no_script_is_folded_to_nothing() -> None:
    for text in (
        "Ελλάδα",
        "Россия",
        "العربية",
        "हिन्दी",
        "ไทย",
        "မြန်မာ",
        "తెలుగు",
        "日本語",
        "한국어",
        "አማርኛ",
    ):
        assert len(normalise(text)) >= 2, text


@given(st.text())
def test_no_white_space_is_left_and_spaces_around_do_not_count(text: str) -> None:
    assert not re.search(r"\s", normalise(text))
    assert normalise(f" {text}\n") == normalise(text)


@given(
    st.text(alphabet=st.characters(categories=["L", "N"]), min_size=1),
    st.text(alphabet=" .,!?;\n", max_size=5),
)
def test_idle_punctuation_around_a_text_is_dropped(text: str, punctuation: str) -> None:
    assert normalise(f"{punctuation}{text} {punctuation}") == normalise(text)
    assert normalise(unicodedata.normalize("NFD", text)) == normalise(
        unicodedata.normalize("NFC", text)
    )


def test_a_character_of_an_unspaced_script_weighs_more() -> None:
    assert weight(normalise("光合作用")) == 12
    assert weight(normalise("leaf")) == 4


def key(question: str, **others: Any) -> ItemKeys:
    (one,) = keys([Item(question=question, **others)])
    return one


TEXTS = st.text(
    st.characters(codec="utf-8") | st.sampled_from("aZ9 -./:*.?!\n'`^_\x01\x05\x1f。−"), max_size=12
)


@given(
    st.lists(
        st.builds(
            Item, question=TEXTS, context=TEXTS, options=st.lists(TEXTS, max_size=2).map(tuple)
        )
    )
)
def test_items_together_have_the_keys_that_each_has_alone_and_the_words_of_their_texts(
    items: list[Item],
) -> None:
    together = keys(items)
    assert together == [keys([item])[0] for item in items]
    for item, one in zip(items, together, strict=True):
        assert one.story.startswith(plain(item.context))
        assert (one.story + one.ask).replace(" ", "") == normalise(item.context) + "".join(
            normalise(part) for part in parts(item.question)
        )


def parts(question: str) -> tuple[str, str]:
    """The sentences before the last, and the last, by another expression than the code's."""
    ends = [
        match.end()
        for match in re.finditer(
            r"[.!?؟।।]['\"”’)\]]*\s+(?=\S)|[。！？](?=.)|\n(?=.)", question.rstrip()
        )
    ]
    return question[: ends[-1] if ends else 0], question[ends[-1] if ends else 0 :]


def test_options_count_in_any_order() -> None:
    one = key("Which?", options=("left", "right"))
    other = key("which", options=("Right.", "Left"))
    third = key("which", options=("Right.", "up"))
    assert one.whole == other.whole
    assert one.stem == third.stem
    assert one.whole != third.whole
    assert not one.specific


def test_a_question_that_every_row_asks_is_told_by_its_options() -> None:
    one, other = (
        key("Which is better?", options=pair, by_options=True) for pair in (("a", "b"), ("a", "c"))
    )
    assert one.stem != other.stem


def test_context_and_question_do_not_run_into_each_other() -> None:
    assert key("b c", context="a") != key("c", context="a b")


@given(st.lists(st.integers(min_value=0, max_value=2**64 - 1)))
def test_hash_set_is_a_set(values: list[int]) -> None:
    mine, plain = HashSet(), set()
    for value in [*values, *values]:
        value = value or 1
        assert mine.add(value) == (value not in plain)
        plain.add(value)
    assert len(mine) == len(plain)


def test_hash_set_grows() -> None:
    mine = HashSet()
    assert all(mine.add(number * 0x9E3779B97F4A7C15 % 2**64) for number in range(1, 20_000))
    assert not any(mine.add(number * 0x9E3779B97F4A7C15 % 2**64) for number in range(1, 20_000))
