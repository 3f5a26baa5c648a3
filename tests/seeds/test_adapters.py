"""Each adapter on rows written here in the hub's columns.

The sound ones, and one for each way to be broken.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.seeds.rows import unit_of
from tsdg.errors import MachineError
from tsdg.seeds.catalogue.load import load
from tsdg.seeds.families.hendrycks_math import boxed
from tsdg.seeds.families.renderers import renderer_for
from tsdg.seeds.rows.item import Gold, Item, MalformedRowError
from tsdg.seeds.rows.render import Renderer

TABLE = yaml.safe_load(Path(__file__).with_name("adapter_rows.yaml").read_text(encoding="utf-8"))
SOUND = {f"{number}-{case['task']}": case for number, case in enumerate(TABLE["sound"])}
FIRST = {case["task"]: case["row"] for case in reversed(TABLE["sound"])}
"""Task → its first sound row."""
NO_DATE = {"day": "", "month": "", "year": ""}


def renderer(task: str, row: Mapping[str, Any]) -> Renderer:
    unit = unit_of(task)
    return renderer_for(load().family(unit.family), unit, frozenset(row))


def rendered(task: str, row: Mapping[str, Any]) -> tuple[Item, Gold]:
    its = renderer(task, row)
    assert set(its.columns) <= set(row)
    item = its.item(row)
    return item, its.gold(row, item)


@pytest.mark.parametrize("name", SOUND)
def test_sound_rows(name: str) -> None:
    case = SOUND[name]
    item, gold = rendered(case["task"], case["row"])
    assert (item.question, item.context, list(item.options)) == (
        case["question"],
        case["context"],
        case["options"],
    )
    assert gold.answer == case["answer"]
    assert gold.index == (case["options"].index(case["answer"]) if case["options"] else -1)
    assert (gold.kind == "choice") == bool(case["options"])


@pytest.mark.parametrize(
    "case", TABLE["broken"], ids=lambda case: f"{case['task']}-{case['column']}"
)
def test_broken_rows_name_the_column(case: dict[str, Any]) -> None:
    with pytest.raises(MalformedRowError) as caught:
        rendered(case["task"], FIRST[case["task"]] | case["change"])
    assert caught.value.column == case["column"]
    assert "\n" not in str(caught.value)


def test_aliases_and_checks() -> None:
    assert rendered("webqs", FIRST["webqs"])[1].aliases == ("River Blue",)
    assert [
        rendered("babi", case["row"])[1].aliases
        for case in SOUND.values()
        if case["task"] == "babi"
    ] == [
        (),
        ("s,e",),
    ]
    assert rendered("mbpp", FIRST["mbpp"])[1].checks == ("assert double(2) == 4",)
    with_setup = FIRST["mbpp"] | {"test_setup_code": "import math"}
    assert rendered("mbpp", with_setup)[1].checks == ("import math\nassert double(2) == 4",)


@pytest.mark.parametrize(
    ("task", "kind"),
    [
        ("gsm8k", "number"),
        ("mbpp", "code"),
        ("hendrycks_math_algebra", "math"),
        ("webqs", "short_text"),
        ("drop", "number"),
    ],
)
def test_kinds(task: str, kind: str) -> None:
    assert rendered(task, FIRST[task])[1].kind == kind


def test_what_other_annotators_of_drop_answered_is_an_alias_but_not_another_number() -> None:
    others = {"number": ["3", ""], "date": [NO_DATE, NO_DATE], "spans": [[], ["the lot"]]}
    row = FIRST["drop"] | {"validated_answers": others}
    _, gold = rendered("drop", row | {"answer": {"number": "", "date": NO_DATE, "spans": ["all"]}})
    assert gold.aliases == ("3", "the lot")
    _, gold = rendered("drop", row | {"answer": {"number": "4", "date": NO_DATE, "spans": []}})
    assert (gold.answer, gold.aliases) == ("4", ())


@pytest.mark.parametrize(
    ("solution", "answer"),
    [
        (r"\boxed{5}", "5"),
        (r"\boxed{\frac{a}{b}}", r"\frac{a}{b}"),
        (r"first \boxed{1} then \boxed{2}", "2"),
        (r"$\boxed 7$.", "7"),
        (r"\fbox{9}", "9"),
        ("none", ""),
        (r"\boxed{open", ""),
        (r"\boxed{}", ""),
        (r"\boxed", ""),
    ],
)
def test_boxed(solution: str, answer: str) -> None:
    assert boxed(solution) == answer


def test_a_unit_that_an_adapter_does_not_know_is_refused() -> None:
    unit = unit_of("ethics_virtue").model_copy(update={"config": "nonsense"})
    with pytest.raises(MachineError, match=r"does not know .*/nonsense"):
        renderer_for(load().family(unit.family), unit, frozenset())
