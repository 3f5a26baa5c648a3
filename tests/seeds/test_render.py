import hashlib
import random

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.seeds.rows import arc_rows, collected, config, unit_of
from tsdg.errors import CatalogueError
from tsdg.rowform import from_row, stable_id, to_row
from tsdg.seeds.catalogue.load import load
from tsdg.seeds.families.renderers import renderer_for
from tsdg.seeds.rows.item import Gold, Item, MalformedRowError
from tsdg.seeds.rows.render import RowPlace, build, check, order, seed_id_of

ROW = arc_rows(1)[0]
UNIT = unit_of("arc_easy")
ETHICAL = unit_of("ethics_utilitarianism")
ETHICS = load().family(ETHICAL.family)


def test_the_id_is_of_the_row_and_its_unit() -> None:
    other = dict(reversed(ROW.items()))
    assert seed_id_of(UNIT, ROW) == seed_id_of(UNIT, other)
    content = orjson.dumps(ROW, option=orjson.OPT_SORT_KEYS)
    parts = (UNIT.dataset_path, UNIT.config, UNIT.split, hashlib.sha256(content).hexdigest())
    assert seed_id_of(UNIT, ROW) == stable_id(*parts)
    assert seed_id_of(UNIT, ROW) != seed_id_of(UNIT, ROW | {"answerKey": "B"})
    assert seed_id_of(UNIT, ROW) != seed_id_of(unit_of("arc_challenge"), ROW)
    assert len(seed_id_of(UNIT, ROW | {"odd": b"\xff", 3: float("nan")})) == 24


@given(st.integers(min_value=0, max_value=2**96 - 1), st.integers(min_value=0, max_value=12))
def test_shuffling_is_a_permutation_and_the_same_each_time(number: int, count: int) -> None:
    seed_id = f"{number:024x}"
    shown = order(seed_id, count, shuffle=True)
    assert sorted(shown) == list(range(count))
    assert shown == order(seed_id, count, shuffle=True)
    assert order(seed_id, count, shuffle=False) == tuple(range(count))


def test_shuffling_spreads_the_right_option() -> None:
    draw = random.Random(1)
    places = [order(f"{draw.getrandbits(96):024x}", 4, shuffle=True).index(3) for _ in range(2000)]
    assert all(400 < places.count(place) < 600 for place in range(4))


def test_a_shuffled_seed_remembers_the_source_order() -> None:
    item = Item(question="Which is pleasant?", options=("a", "b", "c", "d"))
    renderer = renderer_for(ETHICS, ETHICAL, frozenset())
    for number in range(50):
        place = RowPlace(
            family=ETHICS, unit=ETHICAL, task="t", seed_id=f"{number:024x}", number=7, revision="r"
        )
        seed = build(renderer, {}, item, Gold(kind="choice", answer="c", index=2), place)
        assert seed.options[seed.answer_index] == seed.answer == "c"
        assert [item.options[index] for index in seed.option_order] == list(seed.options)
        assert from_row(type(seed), to_row(seed)) == seed


@pytest.mark.parametrize(
    ("item", "found"),
    [
        (Item(question="Which?", options=("a", "b", "a")), "equal"),
        (Item(question="Which?", options=("a",)), "at least 2"),
        (Item(question="PrzekrÃ³j?", options=("a", "b")), "decoded wrongly"),
        (Item(question="What?", context="a\ufffdb", options=("a", "b")), "decoded wrongly"),
    ],
)
def test_what_no_reader_would_accept(item: Item, found: str) -> None:
    with pytest.raises(MalformedRowError, match=found):
        check(item, Gold(kind="choice", answer="a", index=0))


COMMA = '{"id": "punctuation:no_comma"}'


@pytest.mark.parametrize(
    "checks", [("no commas",), ("[1]",), ('{"name": "x"}',), ('{"id": 3}',), (COMMA, COMMA)]
)
def test_the_checks_of_a_text_are_instructions(checks: tuple[str, ...]) -> None:
    with pytest.raises(
        MalformedRowError,
        match=r"^checks: found .*JSON objects are needed, each with an id of its own$",
    ):
        check(
            Item(question="Name two trees."),
            Gold(kind="text", answer="Oak and elm.", checks=checks),
        )
    check(
        Item(question="Name two trees."), Gold(kind="text", answer="Oak and elm.", checks=(COMMA,))
    )
    check(
        Item(question="Write it."),
        Gold(kind="code", answer="def f(): ...", checks=("assert f() is None",)),
    )


def test_languages_with_those_letters_are_sound() -> None:
    check(
        Item(question="NÃO É? Âge, crème brûlée, “ja”", options=("São", "ação")),
        Gold(kind="choice", answer="São", index=0),
    )


def test_a_missing_adapter_is_one_clear_line() -> None:
    family = load().family("gsm8k").model_copy(update={"adapter": "nowhere"})
    with pytest.raises(CatalogueError, match="adapter: found 'nowhere', allowed: lm_eval"):
        renderer_for(family, unit_of("gsm8k"), frozenset())


def test_two_tasks_over_one_source_item_are_one_seed(write_split) -> None:  # type: ignore[no-untyped-def]
    path = write_split("allenai/ai2_arc", "ARC-Challenge", "train", arc_rows(5))
    seeds, rejections, _ = collected(config(path.parents[3], "arc_challenge", "arc_challenge_chat"))
    assert [seed.task for seed in seeds] == ["arc_challenge"] * 5
    assert [rejection.row_id for rejection in rejections] == [seed.seed_id for seed in seeds]
    assert {rejection.reason for rejection in rejections} == {"duplicate"}
