import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tsdg.text import edits_within, fold, normalise, overlap, shingles, tokens, unspaced


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("  a\t b\u00a0c\n", "a b c"),
        ("１２３，４５６", "123,456"),
        ("10²", "10^2"),
        ("2½ cups", "2 1/2 cups"),
        ("a\u200bb\u202ec\u00ad", "abc"),  # zero width, bidirectional, soft hyphen
        ("−5 – 3", "-5 - 3"),
        ("ﬁne", "fine"),
        ("e\u0301", "é"),
        ("", ""),
    ],
)
def test_fold(text: str, folded: str) -> None:
    assert fold(text) == folded


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("What IS it?!", "what is it"),
        ("Straße", "strasse"),
        ("covid-19, e.g. v1.2", "covid 19 e g v1.2"),
        ("-5 + 3.5 = -1.5", "-5 + 3.5 = -1.5"),
        ("3/4 of $1,000 is 75%", "3/4 of $1,000 is 75%"),
        ("and/or: yes.", "and or yes"),
        ("C++ and C#", "c++ and c#"),
        ("水は、何？", "水は 何"),
        ("नमस्ते दुनिया।", "नमस्ते दुनिया"),
        ("שלום, עולם!", "שלום עולם"),
        ("“…”", ""),
    ],
)
def test_normalise(text: str, normal: str) -> None:
    assert normalise(text) == normal


def test_normalise_keeps_what_tells_questions_apart() -> None:
    pairs = [
        ("3+5", "3-5"),
        ("5", "-5"),
        ("3.5", "35"),
        ("x^2", "x2"),
        ("猫", "犬"),
        ("1/2", "12"),
        ("C", "C#"),
    ]
    assert [pair for pair in pairs if normalise(pair[0]) == normalise(pair[1])] == []


@settings(max_examples=3 * settings.default.max_examples)
@given(st.text(max_size=60))
def test_normalising_twice_changes_nothing(text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once
    assert fold(fold(text)) == fold(text)
    assert "".join(tokens(text)) == once.replace(" ", "")


def test_tokens_are_words_or_characters() -> None:
    assert tokens("The roots, the bark") == ["the", "roots", "the", "bark"]
    assert tokens("光合作用 needs CO₂") == ["光", "合", "作", "用", "needs", "co2"]
    assert tokens("ภาษาไทย") == list("ภาษาไทย")
    assert tokens("한국어 문장") == ["한국어", "문장"]
    assert (unspaced("光"), unspaced("ไทย"), unspaced("한국어"), unspaced("latin")) == (
        True,
        True,
        False,
        False,
    )


def test_shingles() -> None:
    assert shingles("a b c d") == {("a", "b", "c"), ("b", "c", "d")}
    assert shingles("a b") == {("a", "b")}
    assert shingles("?!") == frozenset()


@pytest.mark.parametrize(
    ("text", "other", "share"),
    [
        ("Which part takes up water?", "which part takes up WATER", 1.0),
        ("a b c d e", "a b c d x", 2 / 3),
        ("a b", "x a b y", 1.0),
        ("a b", "b a", 0.0),
        ("水は植物のどこ", "水は動物のどこ", 0.4),
        ("", "anything", 0.0),
        ("anything", "", 0.0),
    ],
)
def test_overlap(text: str, other: str, share: float) -> None:
    assert overlap(text, other) == pytest.approx(share)


def distance(left: str, right: str) -> int:
    row = list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        new = [i]
        for j, b in enumerate(right, 1):
            new.append(min(row[j - 1] + (a != b), row[j] + 1, new[-1] + 1))
        row = new
    return row[-1]


@settings(max_examples=10 * settings.default.max_examples)
@given(st.text("ab", max_size=9), st.text("ab", max_size=9), st.integers(0, 10))
def test_edits_within_agrees_with_the_full_table(left: str, right: str, limit: int) -> None:
    assert edits_within(left, right, limit) == (distance(left, right) <= limit)


def test_edits_within_looks_at_no_more_of_long_texts_than_it_must() -> None:
    assert not edits_within("a" * 100_000, "b" * 100_000, 100)
