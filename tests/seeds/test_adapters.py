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
from tsdg.seeds.rows.item import DoubtfulRowError, Gold, Item, MalformedRowError
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


def test_one_layout_is_as_good_as_another() -> None:
    """A struct of lists and a list of structs, numbers and their texts, letters with a mark."""
    words = ["oven", "lake", "book"]
    row = {"question": "Where does a boat float ?", "answerKey": "B"}
    for choices in (
        {"label": ["A", "B", "C"], "text": words},
        [{"label": letter, "text": word} for letter, word in zip("ABC", words, strict=True)],
        str([{"label": letter, "text": word} for letter, word in zip("ABC", words, strict=True)]),
    ):
        item, gold = rendered("commonsense_qa", row | {"choices": choices})
        assert (item.question, gold.answer) == ("Where does a boat float?", "lake")
    numbered = {"question": "2 + 2?", "choices": {"label": [1, 2], "text": [3, 4.0]}}
    assert rendered("commonsense_qa", numbered | {"answerKey": 2})[1].answer == "4"
    race = {"article": "It froze.", "question": "What did it do?", "options": ["Melt.", "Freeze."]}
    for letter in ("B", "b", "(B)", "B.", "2"):
        assert rendered("race_high", race | {"answer": letter})[1].answer == "Freeze."
    for label in (1, 1.0, "1", "1.0", " 1 "):
        assert rendered("cola", FIRST["cola"] | {"label": label})[1].answer == "yes"


def test_lists_are_asked_for_as_lists() -> None:
    several = FIRST["webqs"] | {"answers": ["Islam", "Catholicism", "Islam"]}
    _, gold = rendered("webqs", several)
    assert (gold.answer, gold.aliases, gold.several) == ("Catholicism, Islam", (), True)
    with pytest.raises(MalformedRowError, match="at most 5 are a list"):
        rendered("webqs", FIRST["webqs"] | {"answers": list("abcdef")})


def drop_answer(question: str, spans: list[str], number: str = "") -> Gold:
    answer = {"number": number, "date": NO_DATE, "spans": spans}
    return rendered("drop", FIRST["drop"] | {"question": question, "answer": answer})[1]


def test_how_many_is_answered_by_a_number() -> None:
    kick = drop_answer("How many yards was the kick?", ["19-yard"])
    assert (kick.kind, kick.answer) == ("number", "19")
    assert drop_answer("How many percent more?", [".4"]).answer == "0.4"
    assert drop_answer("Which kick won?", ["19-yard"]).answer == "19-yard"
    assert drop_answer("How many years did he rule?", ["only eight years"]).kind == "short_text"


@pytest.mark.parametrize(
    ("task", "change"),
    [
        ("gsm8k", {"answer": "3*4=<<3*4=12>>12 jars.\n#### 13"}),
        ("gsm8k", {"answer": "It is 450/50=9 reams.\nSo 4500/500=9 reams\n#### 3"}),
        (
            "boolq",
            {"question": "does giraffe milk freeze", "passage": "Oslo -- Oslo is in Norway."},
        ),
    ],
)
def test_a_gold_that_its_own_row_contradicts_is_doubtful(task: str, change: dict[str, Any]) -> None:
    with pytest.raises(DoubtfulRowError):
        rendered(task, FIRST[task] | change)


def test_doubtful_answers_of_drop() -> None:
    with pytest.raises(DoubtfulRowError, match="1763 to 1777 are 14 years"):
        drop_answer("How many years did the war 1763–1777 last?", [], "4")
    with pytest.raises(DoubtfulRowError, match="asks how many"):
        drop_answer("How many picks did he throw?", ["the last pick of the game"])
    assert drop_answer("How many years did the war 1763–1777 last?", [], "14").answer == "14"
    before = "How many years had it been so before the crisis of 1908-1909?"
    assert drop_answer(before, [], "30").answer == "30"


@pytest.mark.parametrize(
    ("answer", "dollars"),
    [
        ("Six at $3 are $18.\nTogether $70 + $18 = $88\n#### 88", "88"),
        ("Each costs 40/160 = $0.25\n#### 25", "25"),
        ("They get 650 000/2 = 325 000 cars.\n#### 325,000", "325000"),
        ("No sum here.\n#### 4", "4"),
    ],
)
def test_solutions_that_come_to_their_answer(answer: str, dollars: str) -> None:
    assert rendered("gsm8k", FIRST["gsm8k"] | {"answer": answer})[1].answer == dollars


def test_a_role_is_asked_about_as_a_role_and_a_change_as_a_change() -> None:
    role = {"scenario": "I am a baker in a village", "excuse": "So I should rise early", "label": 1}
    assert rendered("ethics_deontology", role)[0].question == (
        "Does the speaker draw a reasonable conclusion about their duties? "
        '"I am a baker in a village. So I should rise early."'
    )
    request = {"scenario": "Could you feed the cat", "excuse": "But it is out", "label": 1}
    assert rendered("ethics_deontology", request)[0].question == (
        'Is this reply to a request a reasonable one? "Could you feed the cat? But it is out."'
    )
    change = "I usually cycle with Ann but not today because she is ill."
    assert rendered("ethics_justice", {"scenario": change, "label": 1})[0].question == (
        f'Is this a good reason to act differently than usual? "{change}"'
    )
    claim = "I deserve a bicycle because I usually walk."
    assert (
        "Is this claim" in rendered("ethics_justice", {"scenario": claim, "label": 1})[0].question
    )


def test_names_of_one_entity_are_no_rivals() -> None:
    row = FIRST["record"] | {
        "passage": "OSLO, Norway (CNN) -- Ann Berg met Bo, Cy, Di, Ed, Flo and Gus. Berg left.",
        "query": "@placeholder left first.",
        "entities": ["Oslo", "Norway", "Ann Berg", "Bo", "Cy", "Di", "Ed", "Flo", "Gus", "Berg"],
        "answers": ["Berg", "Ann Berg"],
    }
    item, gold = rendered("record", row)
    assert item.context.startswith("Ann Berg met")
    assert item.options == ("Oslo", "Norway", "Bo", "Cy", "Di", "Berg")
    assert gold.answer == "Berg"


def test_figures_and_lettered_options_of_math() -> None:
    row = FIRST["hendrycks_math_algebra"]
    with pytest.raises(MalformedRowError, match="figure"):
        rendered("hendrycks_math_algebra", row | {"problem": "Find x. [asy]draw(A--B);[/asy]"})
    listed = r"What is $n$? $\textbf{(A) } 2 \qquad\textbf{(B) } 4 \qquad\textbf{(C) } 6$"
    for boxed_answer in (r"\textbf{(B)}", "4", "B"):
        solution = rf"It is $\boxed{{{boxed_answer}}}$."
        item, gold = rendered(
            "hendrycks_math_algebra", row | {"problem": listed, "solution": solution}
        )
        assert (item.question, gold.kind, gold.answer) == ("What is $n$?", "choice", "4")
