"""Which documents are near-duplicates, which one stays, and that only documents decide."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tsdg.corpus.near import NearDuplicates
from tsdg.corpus.near_keys import SHORT, document_keys
from tsdg.text import edits_within, tokens


@dataclass(frozen=True)
class Doc:
    name: str
    question: str
    context: str = ""
    options: Sequence[str] = ()
    source: str = ""
    agreement: float = 0.0
    core: str = ""


def find(
    folder: Path, *docs: Doc, threshold: float = 0.85, memory: int = 512 << 20
) -> dict[str, tuple[str, str]]:
    with NearDuplicates(threshold=threshold, scratch=folder / "near", memory=memory) as near:
        for doc in docs:
            near.add(
                doc.name,
                question=doc.question,
                context=doc.context,
                options=doc.options,
                source=doc.source,
                agreement=doc.agreement,
                core=doc.core,
            )
        assert near.documents == len(docs)
        found = near.find()
    assert not (folder / "near").exists()
    return found


PLANT = "Which part of a plant takes up water from the soil?"


@pytest.mark.parametrize(
    ("one", "other", "near"),
    [
        (PLANT, PLANT.upper(), True),
        (PLANT, "Which part of the plant takes up water from the soil?", True),
        (PLANT, "Which part of a plant takes up the water from the soil?", True),
        (PLANT, "Part of a plant takes up water from the soil?", True),
        (PLANT, "Which part of an animal takes up air from the soil?", False),
        (PLANT, "From the soil which part of a plant takes up water?", False),
        ("Who wrote Hamlet?", "Who wrote Macbeth?", False),
        (
            "Ben buys 3 apples and 4 pears. How many fruits?",
            "Ben buys 3 apples and 5 pears. How many fruits?",
            False,
        ),
        (
            "Ben buys 3 apples and 4 pears. How many fruits?",
            "Tom buys 3 apples and 4 pears. How many fruits?",
            True,
        ),
        (
            "Ben buys 3 apples and 4 pears. How many?",
            "Ben buys three apples and 4 pears. How many?",
            True,
        ),
        ("光合作用需要哪种气体才能进行呢？", "光合作用需要哪种气体才会进行呢？", True),
        ("光合作用需要哪种气体才能进行呢？", "细胞呼吸需要哪种气体才能发生？", False),
        ("พืชใช้แก๊สชนิดใดในการสังเคราะห์ด้วยแสง", "พืชใช้แก๊สชนิดใดในการสังเคราะห์ด้วยแสงแดด", True),
        ("ما هو الغاز الذي تحتاجه النباتات للضوء", "ما هو الغاز الذي تحتاجه الأشجار للضوء", True),
    ],
)
def test_what_counts_as_near(tmp_path: Path, one: str, other: str, near: bool) -> None:
    found = find(tmp_path, Doc("a", one), Doc("b", other))
    assert found == ({"b": ("", "a")} if near else {})


def test_options_and_passages_must_be_near_as_well(tmp_path: Path) -> None:
    stem = "Which of the following statements is true?"
    passage = "The heron stands still for hours. Then it strikes. " * 6
    docs = [
        Doc(
            "a",
            stem,
            options=("iron floats on water", "ice floats on water", "lead floats on water"),
        ),
        Doc(
            "b",
            stem,
            options=("lead floats on water", "iron floats on water", "ice floats on milk"),
        ),
        Doc("c", stem, options=("wood sinks in water", "stone is lighter than air", "cork sinks")),
        Doc("d", "What does the heron in the passage do?", context=passage),
        Doc("e", "How long does the bird wait before striking?", context=passage),
        Doc(
            "f",
            "What does the heron in the passage do?",
            context=passage.replace("hours", "minutes", 1),
        ),
    ]
    assert find(tmp_path, *docs) == {"b": ("", "a"), "f": ("", "d")}


def test_what_is_removed_is_near_to_one_that_stays(tmp_path: Path) -> None:
    """A chain: each is near to the next, the ends are not near to each other."""
    texts = [
        "one two three four five six seven",
        "one two three four five six eight",
        "one two three four nine six eight",
        "one two ten four nine six eight",
    ]
    docs = [Doc(name, text) for name, text in zip("abcd", texts, strict=True)]
    assert find(tmp_path, *docs) == {"b": ("", "a"), "d": ("", "c")}


def test_seeds_and_earlier_runs_stay_and_the_highest_agreement_stays(tmp_path: Path) -> None:
    soil = [PLANT, PLANT.replace("water", "salt"), PLANT.replace("soil", "earth")]
    docs = [
        Doc("a", soil[0], agreement=0.6),
        Doc("b", soil[1], agreement=0.9),
        Doc("c", soil[2], agreement=0.7),
    ]
    assert find(tmp_path, *docs) == {"a": ("", "b")}  # c differs from b in two words of eleven
    fixed = (Doc("z", soil[0], source="seed"), Doc("y", soil[1], source="run old: question"))
    assert find(tmp_path, *docs, *fixed) == {
        "a": ("run old: question", "y"),
        "b": ("run old: question", "y"),
        "c": ("seed", "z"),
    }


def test_another_core_makes_another_question(tmp_path: Path) -> None:
    strong = "Ann drinks more milk than Eve and so _ has very strong bones."
    docs = [
        Doc("a", strong, core="Ann"),
        Doc("b", strong.replace("strong", "weak"), core="Eve"),
        Doc("c", strong.replace("strong", "firm"), core="ann"),
        Doc("d", strong.replace("very", "rather")),
    ]
    assert find(tmp_path, *docs) == {"c": ("", "a")}


WORDS = st.lists(st.sampled_from([f"w{n}" for n in range(40)]), min_size=5, max_size=SHORT - 1)


@settings(max_examples=2 * settings.default.max_examples)
@given(WORDS, st.integers(0, 1000), st.sampled_from(["replace", "insert", "delete"]))
def test_two_short_documents_that_differ_in_one_word_always_share_a_key(
    words: list[str], at: int, edit: str
) -> None:
    other, place = list(words), at % len(words)
    if edit == "replace":
        other[place] = "another"
    elif edit == "insert":
        other.insert(place, "another")
    else:
        del other[place]
    hashes = {
        word: number * 0x9E3779B97F4A7C15 % 2**64
        for number, word in enumerate([*words, "another"], start=1)
    }
    flat = np.array([hashes[word] for word in (*words, *other)], dtype=np.uint64)
    keys, owners = document_keys(flat, np.array([len(words), len(other)]))
    assert set(keys[owners == 0]) & set(keys[owners == 1])


VOCABULARY = [f"{first}{second}" for first in "abcdefgh" for second in "ijklmno"]


def corpus(size: int, seed: int) -> list[Doc]:
    """Made-up questions, a third of them edits of an earlier one."""
    draw = random.Random(seed)
    texts: list[list[str]] = []
    for _ in range(size):
        if texts and draw.random() < 0.33:
            words = list(draw.choice(texts))
            for _ in range(draw.randint(1, 4)):
                words[draw.randrange(len(words))] = draw.choice(VOCABULARY)
        else:
            words = [draw.choice(VOCABULARY) for _ in range(draw.randint(3, 30))]
        texts.append(words)
    return [Doc(f"{number:06}", " ".join(words)) for number, words in enumerate(texts)]


def test_no_two_that_stay_differ_in_one_word_and_none_goes_for_nothing(tmp_path: Path) -> None:
    docs = corpus(600, seed=1)
    gone = find(tmp_path, *docs)
    words = {doc.name: tokens(doc.question) for doc in docs}
    assert len(gone) > 50
    for name, (_, other) in gone.items():
        assert other not in gone
        assert other < name
        limit = max(1, int(0.15 * max(len(words[name]), len(words[other])) + 1e-9))
        assert edits_within(words[name], words[other], limit)
    stay = [words[doc.name] for doc in docs if doc.name not in gone]
    long = [text for text in stay if len(text) >= 6]
    assert not [
        1 for i, one in enumerate(long) for other in long[:i] if edits_within(one, other, 1)
    ]


def test_neither_the_order_nor_the_memory_decides(tmp_path: Path) -> None:
    docs = corpus(800, seed=2)
    expected = find(tmp_path, *docs)
    shuffled = random.Random(3).sample(docs, len(docs))
    assert find(tmp_path, *shuffled) == expected
    assert find(tmp_path, *shuffled, memory=1) == expected  # every batch goes to disk


def test_nothing_is_no_trouble(tmp_path: Path) -> None:
    assert find(tmp_path) == {}
    assert find(tmp_path, Doc("a", "?!"), Doc("b", "")) == {"b": ("", "a")}
