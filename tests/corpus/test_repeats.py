"""Groups of questions that repeat one another, and how each kind of repetition grows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tsdg.corpus.repeats import ComparedItem, Groups, Repeats

PLANT = "Which part of a plant takes up water from the soil?"
NEAR = "Which part of the plant takes up water from the soil?"
OTHER = "Why does the moon look different from one week to the next?"


def item(question: str, answer: str = "the roots", kind: str = "short_text") -> ComparedItem:
    return ComparedItem(
        question=question,
        context="",
        options=(),
        kind=kind,
        labels=False,
        checks=(),
        answer=answer,
    )


def groups(
    folder: Path, questions: list[tuple[ComparedItem, str]], seeds: tuple[ComparedItem, ...] = ()
) -> Groups:
    with Repeats(threshold=0.85, scratch=folder / "near") as repeats:
        for seed in seeds:
            repeats.add_seed(seed)
        for question, made_from in questions:
            repeats.add(question, made_from=made_from)
        found = repeats.groups()
    assert not (folder / "near").exists()
    return found


def test_equal_and_near_questions_are_grouped(tmp_path: Path) -> None:
    asked = [PLANT, OTHER, NEAR, PLANT.upper(), OTHER]
    found = groups(tmp_path, [(item(text), f"seed{n}") for n, text in enumerate(asked)])
    assert found.exact.tolist() == [0, 1, 2, 0, 1]
    assert len(np.unique(found.near)) == 2
    assert found.near[0] == found.near[2] == found.near[3] != found.near[1]
    assert not found.of_seed.any()
    assert found.near_share(5).estimate == pytest.approx(3 / 5)
    assert found.exact_share(5).estimate == pytest.approx(2 / 5)


def test_another_answer_makes_another_question(tmp_path: Path) -> None:
    found = groups(tmp_path, [(item(PLANT), "a"), (item(NEAR, "the leaves"), "b")])
    assert len(np.unique(found.near)) == 2


def test_copies_of_seeds_are_a_share_of_their_own(tmp_path: Path) -> None:
    found = groups(tmp_path, [(item(NEAR), "a"), (item(OTHER), "b")], seeds=(item(PLANT),))
    assert found.of_seed.tolist() == [True, False]
    assert found.near_share(2).estimate == pytest.approx(0.5)


def test_what_one_seed_repeats_does_not_grow(tmp_path: Path) -> None:
    words = [f"w{number}" for number in range(4_000)]

    def text(number: int) -> str:
        return " ".join(words[12 * number : 12 * number + 12])

    same = [(item(text(number // 2)), f"seed{number // 2}") for number in range(400)]
    share = groups(tmp_path, same).near_share(40_000)
    assert share.estimate == pytest.approx(0.5, abs=0.01)
    assert share.low > 0.4
    # The same questions, each from a seed of its own: two of each form, which is how many there
    # are among more.
    apart = groups(tmp_path, [(one, f"seed{n}") for n, (one, _) in enumerate(same)])
    assert apart.near_share(400).estimate == pytest.approx(0.5)
    assert apart.near_share(40_000).estimate > 0.9


def test_some_of_the_questions(tmp_path: Path) -> None:
    found = groups(tmp_path, [(item(PLANT), "a"), (item(NEAR), "b"), (item(OTHER), "c")])
    assert found.of(np.array([True, False, True])).near_share(2).estimate == 0
    assert found.of(np.zeros(3, bool)).near_share(0).estimate == 0
