"""The table of ways: what it covers, what is drawn of it, and what is wrong with others."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import yaml

from generate.rows import RECIPES, prompt_set, questions_config
from tsdg.config.compose import compose_recipe
from tsdg.config.questions import WAY_TYPES
from tsdg.errors import RecipeError
from tsdg.generate.schemas import Shape
from tsdg.generate.ways import Ways, check_ways, read_ways
from tsdg.records import ANSWER_KINDS, AnswerKind
from tsdg.seeds.catalogue.load import load


def ways() -> Ways:
    found = prompt_set().ways
    assert found is not None
    return found


def shape(kind: AnswerKind = "choice", **over: bool) -> Shape:
    return Shape(
        kind=kind,
        context=over.get("context", False),
        options=4 if kind == "choice" and not over.get("classes") else 0,
        labels=("yes", "no") if kind == "boolean" or over.get("classes") else (),
        blanks=0,
        claimed=True,
    )


def test_every_task_of_the_catalogue_has_a_kind_that_names_it() -> None:
    named = {name for kind in ways().kinds for name in kind.families}
    fallbacks = [
        task
        for unit in load().units
        if unit.family not in named and load().family(unit.family).tier != "demo"
        for task in unit.tasks[:1]
        if ways().kind_of(task, unit.family, shape()).name == "exam_question"
    ]
    assert not fallbacks


def test_names_in_the_table_are_families_and_tasks_of_the_catalogue() -> None:
    families = {family.family for family in load().families}
    assert {name for kind in ways().kinds for name in kind.families} <= families


@pytest.mark.parametrize("name", [kind.name for kind in ways().kinds])
def test_each_kind_has_ways_of_several_types_and_similar_ones_weigh_little(name: str) -> None:
    kind = next(kind for kind in ways().kinds if kind.name == name)
    assert len(kind.ways) >= 4
    assert len({way.name for way in kind.ways}) == len(kind.ways)
    assert len({way.type for way in kind.ways}) >= 4
    whole = sum(way.weight for way in kind.ways)
    assert sum(way.weight for way in kind.ways if way.type == "similar") <= 0.15 * whole
    assert all(way.text.endswith((".", "wrongly.")) and len(way.text) > 40 for way in kind.ways)


@pytest.mark.parametrize("kind", ANSWER_KINDS)
@pytest.mark.parametrize("context", [True, False])
def test_a_family_that_nobody_knows_gets_ways_by_its_form(kind: AnswerKind, context: bool) -> None:
    assert ways().kind_of("mine", "mine", shape(kind, context=context)).ways


@pytest.mark.parametrize(
    ("task", "family", "found"),
    [
        ("copa", "super_glue", "everyday_choice"),
        ("wic", "super_glue", "word_in_context"),
        ("gsm8k", "gsm8k", "word_problem"),
        ("aqua_rat", "agieval_sources", "mathematics_choice"),
        ("xstorycloze_ar", "xstorycloze", "story_ending"),
        ("mmlu_prox_de_law", "mmlu_prox", "legal_clause"),
        ("mmlu_prox_de_physics", "mmlu_prox", "exam_question"),
        ("cola", "glue", "acceptability"),
    ],
)
def test_a_task_has_the_ways_of_its_kind(task: str, family: str, found: str) -> None:
    assert ways().kind_of(task, family, shape()).name == found


def test_draws_of_one_seed_are_different_and_those_of_many_follow_the_weights() -> None:
    kind = ways().kind_of("gsm8k", "gsm8k", shape("number"))
    drawn = Counter[str]()
    for seed in range(3000):
        three = [ways().draw(kind, {}, turn, 7, f"s{seed}").name for turn in range(3)]
        assert len(set(three)) == 3
        drawn[three[0]] += 1
    whole = sum(way.weight for way in kind.ways)
    for way in kind.ways:
        assert abs(drawn[way.name] / 3000 - way.weight / whole) < 0.03


def test_factors_change_how_often_a_type_is_drawn() -> None:
    kind = ways().kind_of("gsm8k", "gsm8k", shape("number"))
    types = Counter(
        ways().draw(kind, {"similar": 0.0, "inspired": 0.0}, 0, 7, seed).type for seed in range(300)
    )
    assert not {"similar", "inspired"} & set(types)
    only = {name: 0.0 for name in WAY_TYPES if name != "deeper"}
    assert {ways().draw(kind, only, turn, 7, "s").type for turn in range(5)} == {"deeper"}


GOOD = """one:
  shapes: [{answers: [number]}]
  ways:
    a: {type: deeper, weight: 1, text: One more step.}
any:
  shapes: [{}]
  ways:
    b: {type: similar, weight: 1, text: Another case.}
"""


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "type: deeper",
            "type: deep",
            "ways.yaml:4: type of way a of one is 'deep'; allowed: simi",
        ),
        ("weight: 1, text: One", "weight: -1, text: One", "ways.yaml:4: weight of way a of one is"),
        ("weight: 1, text: One", "weight: x, text: One", "ways.yaml:4: weight of way a of one is"),
        ("weight: 1, text: One", "weight: 0, text: One", "ways.yaml:4: no way of one has a weight"),
        (", text: One more step.", "", "ways.yaml:4: way a of one lacks text"),
        ("text: One more step.", "text: ''", "ways.yaml:4: text of way a of one is empty"),
        ("answers: [number]", "answers: [nombre]", "ways.yaml:2: unknown answer kind 'nombre'"),
        ("answers: [number]", "passages: true", "ways.yaml:2: unknown key 'passages' of a form"),
        ("answers: [number]", "passage: 3", "ways.yaml:2: passage of a form is 3"),
        ("  shapes: [{answers: [number]}]\n", "", "ways.yaml:2: kind one needs ways, and whom"),
        ("any:", "one:", "ways.yaml:5: key 'one' of the table stands there twice"),
        ("shapes: [{}]", "families: [x]", "the last kind must take every item"),
        ("ways:\n    a", "way:\n    a", "ways.yaml:3: unknown key 'way' of kind one"),
        ("shapes: [{answers", "shapes: [{{answers", "not YAML"),
    ],
)
def test_a_mistake_is_one_line_that_says_where(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    assert read_ways(tmp_path / "ways.yaml", GOOD).kinds
    text = GOOD.replace(old, new, 1)
    assert text != GOOD
    with pytest.raises(RecipeError) as caught:
        read_ways(tmp_path / "ways.yaml", text)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_empty_file_is_a_mistake_too(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"ways\.yaml:1: the table is no mapping"):
        read_ways(tmp_path / "ways.yaml", "")


def test_a_set_without_ways_and_factors_that_leave_none_are_refused() -> None:
    planned = questions_config(plan=True)
    with pytest.raises(RecipeError, match=r"mine: no such file; questions\.plan=true needs"):
        check_ways(None, planned, "mine")
    check_ways(None, questions_config(plan=False), "mine")
    none = questions_config(plan=True, ways=dict.fromkeys(WAY_TYPES, 0.0))
    with pytest.raises(RecipeError, match=r"questions\.ways: leaves kind word_problem"):
        check_ways(ways(), none, "mine")


def test_no_recipe_but_the_demo_draws_topics_or_shows_worked_examples() -> None:
    names = sorted(path.stem for path in (RECIPES / "recipe").glob("*.yaml"))
    drawing = [
        name
        for name in names
        if (questions := compose_recipe([f"recipe={name}", "seeds.mirror=/m"]).questions).topics
        or questions.few_shot
    ]
    assert drawing == ["demo"]


def test_the_shipped_table_has_no_key_twice_and_is_plain_yaml() -> None:
    assert len(yaml.safe_load(ways().text)) == len(ways().kinds)
