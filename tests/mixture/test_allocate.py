"""Budgets divided over parts: what holds for every division, and what is said where none exists."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tsdg.config.mix import MixConfig
from tsdg.errors import RecipeError
from tsdg.mixture.allocate import allocate
from tsdg.mixture.parts import Part

GROUPS = ("knowledge", "reasoning", "web")


def part(name: str, tokens: int, group: str = "knowledge") -> Part:
    return Part(name=name, group=group, path=f"/data/{name}", tokens=tokens, text_field="text")


def config(**values: Any) -> MixConfig:
    base: dict[str, Any] = {
        "budget": 1000,
        "policy": "proportional",
        "temperature": 2.0,
        "weights": {},
        "group_shares": {},
        "floors": {},
        "caps": {},
        "max_epochs": 4.0,
        "corpora": (),
        "tokenizer": "",
        "valid": (),
        "test": (),
        "prefix": "{name}",
        "out": "mix",
    }
    return MixConfig(**base | values)


def tokens(parts: list[Part], **values: Any) -> dict[str, int]:
    return {one.part.name: one.tokens for one in allocate(parts, config(**values))}


def test_policies() -> None:
    parts = [part("a", 100), part("b", 400), part("c", 1600)]
    assert tokens(parts, budget=2100) == {"a": 100, "b": 400, "c": 1600}
    assert tokens(parts, budget=300, policy="uniform") == {"a": 100, "b": 100, "c": 100}
    assert tokens(parts, budget=700, policy="temperature", temperature=2.0) == {
        "a": 100,
        "b": 200,
        "c": 400,
    }
    weights = {"a": 1.0, "b": 1.0, "c": 3.0}
    assert tokens(parts, budget=500, policy="explicit", weights=weights) == {
        "a": 100,
        "b": 100,
        "c": 300,
    }


def test_what_a_capped_part_leaves_goes_to_the_others_by_their_weights() -> None:
    parts = [part("a", 100), part("b", 100), part("c", 800)]
    assert tokens(parts, caps={"c": 0.5}, max_epochs=10.0) == {"a": 250, "b": 250, "c": 500}
    assert tokens(parts, floors={"a": 0.4}, max_epochs=10.0) == {"a": 400, "b": 67, "c": 533}
    assert tokens(parts, budget=1500, policy="uniform", max_epochs=4.0) == {
        "a": 400,
        "b": 400,
        "c": 700,
    }


def test_groups_have_their_shares_and_the_rest_shares_what_is_left() -> None:
    parts = [part("a", 100), part("b", 300), part("r", 500, "reasoning"), part("w", 9000, "web")]
    got = tokens(parts, group_shares={"knowledge": 0.2, "web": 0.5})
    assert got == {"a": 50, "b": 150, "r": 300, "w": 500}


@pytest.mark.parametrize("temperature", [1e-6, 0.01, 0.5, 1e6])
def test_every_temperature_has_its_weights(temperature: float) -> None:
    parts = [part("a", 10**12), part("b", 10**11), part("c", 10**10)]
    got = tokens(parts, budget=2 * 10**12, policy="temperature", temperature=temperature)
    assert sum(got.values()) == 2 * 10**12
    if temperature <= 0.01:  # the largest first, whatever the others are
        assert got == {"a": 2 * 10**12, "b": 0, "c": 0}
    if temperature == 1e6:  # all alike, up to the four epochs of the smallest
        assert got["c"] == 4 * 10**10


@pytest.mark.parametrize("third", [1 / 3, 0.333333333])
def test_shares_that_are_a_hair_off_one_still_give_the_whole_budget(third: float) -> None:
    parts = [part(name, 10**13, name) for name in GROUPS]
    got = tokens(parts, budget=10**13, group_shares=dict.fromkeys(GROUPS, third))
    assert sum(got.values()) == 10**13
    assert max(got.values()) - min(got.values()) <= 1


def test_decimal_shares_are_exact() -> None:
    parts = [part(name, 10**15, name) for name in GROUPS]
    shares = {"knowledge": 0.1, "reasoning": 0.2, "web": 0.7}
    got = tokens(parts, budget=10**15, group_shares=shares)
    assert got == {"knowledge": 10**14, "reasoning": 2 * 10**14, "web": 7 * 10**14}


@pytest.mark.parametrize(
    ("values", "says"),
    [
        (
            {"budget": 10_000},
            r"budget is 10,000 tokens, and its 2 parts give 800 at most \(max_epochs=4",
        ),
        (
            {"floors": {"a": 0.7, "b": 0.6}, "max_epochs": 50.0},
            "the floors of its 2 parts ask for 1,300",
        ),
        (
            {"floors": {"a": 0.9}},
            r"floors.a asks for 900 tokens, 400 is the most: 100 tokens, max_epochs=4",
        ),
        ({"floors": {"a": 0.3}, "caps": {"a": 0.2}}, r"floors.a asks for 300 .* caps.a=0.2"),
        ({"caps": {"z": 0.2}}, "caps.z names nothing here; allowed: a, b"),
        ({"group_shares": {"web": 0.2}}, "group_shares.web names nothing here; allowed: knowledge"),
        ({"group_shares": {"knowledge": 0.2}}, "add up to 0.2 and name every group"),
        ({"policy": "explicit", "weights": {"a": 1.0}}, "needs weights.b=NUMBER"),
    ],
)
def test_what_cannot_be_had_is_explained(values: dict[str, Any], says: str) -> None:
    with pytest.raises(RecipeError, match=says):
        allocate([part("a", 100), part("b", 100)], config(**values))


@st.composite
def wishes(draw: st.DrawFn) -> tuple[list[Part], MixConfig]:
    sizes = draw(st.lists(st.integers(1, 10**9), min_size=1, max_size=12))
    parts = [part(f"p{n}", size, draw(st.sampled_from(GROUPS))) for n, size in enumerate(sizes)]
    names = [one.name for one in parts]
    groups = sorted({one.group for one in parts})
    share = st.floats(0.0, 0.4)
    bounded = st.dictionaries(st.sampled_from(names), share, max_size=4)
    values = {
        "budget": draw(st.integers(1, 2 * sum(sizes))),
        "policy": draw(st.sampled_from(["proportional", "uniform", "temperature", "explicit"])),
        "temperature": draw(st.floats(0.3, 10.0)),
        "weights": {name: draw(st.floats(0.01, 100.0)) for name in names},
        "group_shares": draw(
            st.dictionaries(st.sampled_from(groups), st.floats(0.0, 0.3), max_size=2)
        ),
        "floors": draw(bounded),
        "caps": draw(st.dictionaries(st.sampled_from(names), st.floats(0.2, 1.0), max_size=4)),
        "max_epochs": draw(st.floats(0.5, 20.0)),
    }
    return parts, config(**values)


@given(wishes())
@settings(max_examples=3 * settings.default.max_examples)
def test_every_division_holds_to_the_budget_and_to_every_bound(
    wish: tuple[list[Part], MixConfig],
) -> None:
    parts, held = wish
    try:
        got = allocate(parts, held)
    except RecipeError:
        return
    assert sum(one.tokens for one in got) == held.budget
    for one in got:
        name = one.part.name
        assert one.tokens >= held.floors.get(name, 0.0) * held.budget - 1.0
        assert one.tokens <= held.caps.get(name, 1.0) * held.budget + 1.0
        assert one.tokens <= one.part.tokens * Decimal(repr(held.max_epochs))
    for group, share in held.group_shares.items():
        members = [one.tokens for one in got if one.part.group == group]
        assert abs(sum(members) - share * held.budget) < 1
    assert allocate(parts, held) == got


@given(wishes())
def test_wishes_are_refused_only_where_no_division_exists(
    wish: tuple[list[Part], MixConfig],
) -> None:
    parts, held = wish
    free = held.model_copy(update={"floors": {}, "caps": {}, "group_shares": {}})
    there = [int(one.tokens * Decimal(repr(held.max_epochs))) for one in parts]
    if sum(there) >= held.budget:
        assert sum(one.tokens for one in allocate(parts, free)) == held.budget
    else:
        with pytest.raises(RecipeError):
            allocate(parts, free)
