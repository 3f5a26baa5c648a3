"""Plan-first questions: what is asked, what is read, and what it becomes."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from generate.rows import ScriptedAsk, as_json, model, prompt_set, questions_config, reply, seed
from tsdg.config.questions import KinConfig
from tsdg.generate.kin import KinDraw, KinSets
from tsdg.generate.plan import doubt, subject_parts
from tsdg.generate.questions import Asking, QuestionStep
from tsdg.protocols import Request
from tsdg.records import ANSWER_KINDS, AnswerKind, Plan, Seed

PLAN: dict[str, Any] = {
    "skill": "recall of the function of an organ",
    "subject": "biology > botany > roots",
    "difficulty": 1,
    "flaw": "",
    "frame": "a part of a plant and what it does",
    "new_subject": "Biology > zoology > gills",
    "new_difficulty": 2,
}
ITEM = {
    "question": "Which organ lets a fish take oxygen out of the water?",
    "answer": "the gills",
    "distractors": ["the fins", "the scales", "the tail"],
}
GOOD = as_json(**PLAN, **ITEM)


def ask(
    row: Seed, answer: Any = GOOD, kin: KinSets | None = None, aim: Any = None, **over: Any
) -> tuple[Asking, list[Request]]:
    script = ScriptedAsk(answer if callable(answer) else lambda _: reply(answer))
    values = {"plan": True, "few_shot": 0, "topics": False, "per_seed": 1} | over
    step = QuestionStep(
        config=questions_config(**values),
        model=model(),
        prompts=prompt_set(),
        seed=7,
        judge=None,
        kin=kin,
        aim=aim,
    )
    return asyncio.run(step(row, script)), script.requests


def said(request: Request) -> str:
    text: str = request.body["messages"][-1]["content"]
    return text


@pytest.mark.parametrize("kind", ANSWER_KINDS)
def test_the_plan_comes_first_and_then_the_item(kind: AnswerKind) -> None:
    _, requests = ask(seed(kind, context="A passage about roots and what they do in the soil."))
    schema = requests[0].body["response_format"]["json_schema"]["schema"]
    names = list(schema["properties"])
    assert names[:8] == [*PLAN, "invented"]
    assert names[8:10] == ["context", "question"]
    assert schema["required"] == names
    for name in names:
        assert f'"{name}": ' in said(requests[0])
    _, requests = ask(seed(kind))
    assert '"invented"' not in said(requests[0])
    assert "passage" not in said(requests[0])


def test_what_was_planned_is_kept_with_the_question() -> None:
    asking, requests = ask(seed())
    question = asking.questions[0]
    way = json.loads(question.provenance.sampling)["way"]
    assert question.plan == Plan(
        skill=PLAN["skill"],
        seed_subject=PLAN["subject"],
        seed_difficulty=1,
        frame=PLAN["frame"],
        field="Biology",
        subfield="zoology",
        concept="gills",
        difficulty=2,
        way=way,
        invented=False,
    )
    table = prompt_set().ways
    assert table is not None
    texts = [one.text for kind in table.kinds for one in kind.ways if one.name == way]
    assert any(text in said(requests[0]) for text in texts)


@pytest.mark.parametrize(
    ("over", "reason", "detail"),
    [
        ({"flaw": "Ivy takes up water with its leaves too."}, "seed_doubtful", "Ivy takes up"),
        ({"difficulty": 6}, "bad_schema", "difficulty is not a whole number from 1 to 5: 6"),
        ({"difficulty": "hard"}, "bad_schema", "difficulty is not a whole number"),
        ({"difficulty": True}, "bad_schema", "difficulty is not a whole number"),
        ({"frame": "x" * 1001}, "bad_format", "the plan's frame has 1001 characters"),
        ({"new_subject": " > "}, "bad_format", "the plan names no skill or no new subject"),
        ({"skill": None}, "bad_schema", "skill is not a string"),
    ],
)
def test_a_plan_that_cannot_be_used(over: dict[str, Any], reason: str, detail: str) -> None:
    asking, _ = ask(seed(), as_json(**{**PLAN, **over}, **ITEM))
    assert not asking.questions
    assert asking.rejections[0].reason == reason
    assert detail in asking.rejections[0].detail


@pytest.mark.parametrize("flaw", ["None.", "n/a", "no flaw", "none; the answer is correct", "-"])
def test_no_flaw_is_said_in_many_ways(flaw: str) -> None:
    asking, _ = ask(seed(), as_json(**{**PLAN, "flaw": flaw}, **ITEM))
    assert asking.questions


@pytest.mark.parametrize(
    "flaw",
    [
        "No option is right.",
        "The answer is not correct.",
        "Not the only right one: bark does it too.",
        "wrong",
        "The answer is correct, but mercury would also be right.",
    ],
)
def test_a_flaw_is_one_however_it_begins(flaw: str) -> None:
    assert doubt({"flaw": flaw}) == flaw


def test_a_doubtful_seed_may_be_kept() -> None:
    asking, _ = ask(seed(), as_json(**{**PLAN, "flaw": "Two are right."}, **ITEM), doubtful="keep")
    assert asking.questions


def test_numbers_and_truth_values_are_read_as_a_reader_would() -> None:
    row = seed(context="Roots take up water. So do hairs on them, and little else in a plant does.")
    over = {"difficulty": "3 (undergraduate)", "new_difficulty": "4", "invented": "True"}
    passage = {"context": "Gills are thin, so that oxygen passes into the blood of a fish there."}
    asking, _ = ask(row, as_json(**{**PLAN, **over}, **passage, **ITEM))
    plan = asking.questions[0].plan
    assert (plan.seed_difficulty, plan.difficulty, plan.invented) == (3, 4, True)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a > b > c", ("a", "b", "c")),
        ("a>b", ("a", "b", "")),
        ("Arithmetic", ("Arithmetic", "", "")),
        ("a → b → c → d", ("a", "b", "c, d")),
        (" > ", ("", "", "")),
    ],
)
def test_subjects_are_split(text: str, parts: tuple[str, str, str]) -> None:
    assert subject_parts(text) == parts


def test_what_the_source_says_of_a_seed_is_shown_where_it_says_something() -> None:
    row = seed("math", solution="Use Euclid.", level="Level 3", subject="Number theory")
    _, requests = ask(row)
    for line in (
        "Worked solution of the example: Use Euclid.",
        "Level of the example: Level 3",
        "Subject of the example: Number theory",
    ):
        assert line in said(requests[0])
    _, requests = ask(seed("math"))
    assert "of the example: " not in said(requests[0])


def test_classes_are_said_and_one_of_them_is_aimed_at_in_turn() -> None:
    row = seed(options=("yes", "no", "maybe"), classes=True, answer="no")
    answer = as_json(**PLAN, question="Does a fish need gills?", answer="yes")
    asking, requests = ask(row, answer, per_seed=3)
    assert asking.questions[0].classes
    assert asking.questions[0].options == ("yes", "no", "maybe")
    aimed = {
        said(one).split("The right answer of the new item shall be: ")[1][:2] for one in requests
    }
    assert aimed == {"ye", "no", "ma"}
    for request in requests:
        assert "- yes\n- no\n- maybe\n" in said(request)
        assert "distractors" not in said(request)
        assert "wrong option" not in said(request)


def test_a_stem_and_a_blank_are_named() -> None:
    _, requests = ask(seed(question="Plants take up water with"))
    assert "beginning of a sentence" in said(requests[0])
    blank = seed(question="Ann rang Eve because _ was ill.", options=("Ann", "Eve"), answer="Eve")
    _, requests = ask(blank)
    assert "a sentence with one blank (_)" in said(requests[0])
    assert "Write one wrong option" in said(requests[0])
    _, requests = ask(seed())
    assert "Write 3 wrong options" in said(requests[0])
    assert "beginning of a sentence" not in said(requests[0])


def test_what_a_draw_is_aimed_at_is_said_and_noted() -> None:
    asking, requests = ask(seed(), aim=lambda row, draw: f"gills {draw}", per_seed=4)
    noted = [json.loads(question.provenance.sampling) for question in asking.questions]
    aimed = [f"gills {draw}" in said(request) for draw, request in enumerate(requests)]
    assert any(aimed)
    assert aimed == ["aim" in one for one in noted]


def seeds(count: int, **over: Any) -> list[Seed]:
    return [
        seed(question=f"Which part of plant {n} takes up water?", seed_id=f"s{n:03}", **over)
        for n in range(count)
    ]


def kin_of(rows: list[Seed], *, items: int = 2, sets: int = 4, max_chars: int = 900) -> KinSets:
    draw = KinDraw(KinConfig(items=items, sets=sets, max_chars=max_chars), seed=7)
    for row in rows:
        draw.add(row)
    return KinSets(draw.drawn(), seed=7)


def test_kin_are_a_few_sets_that_never_show_the_seed_itself() -> None:
    rows = seeds(60)
    kin = kin_of(rows)
    shown = {tuple(one.seed_id for one in kin.of(row, 0)) for row in rows}
    assert len(shown) == 4
    assert all(len(one) == 2 for one in shown)
    for row in rows:
        assert all(row.seed_id != one.seed_id for one in kin.of(row, 0))
        assert len({kin.of(row, draw)[0].seed_id for draw in range(3)}) == 3
    again = kin_of(list(reversed(rows)))
    assert all(kin.of(row, 1) == again.of(row, 1) for row in rows)


@pytest.mark.parametrize(("count", "most"), [(1, 0), (2, 1), (3, 2)])
def test_a_small_task_has_what_kin_there_are(count: int, most: int) -> None:
    rows = seeds(count)
    kin = kin_of(rows)
    for row in rows:
        found = kin.of(row, 0)
        assert len(found) <= most
        assert bool(found) is (count > 1)
        assert row.seed_id not in {one.seed_id for one in found}


def test_kin_are_of_the_same_task_answer_kind_and_language() -> None:
    rows = [*seeds(3), *(row for row in seeds(6, task="other"))]
    german = seed(question="Welcher Teil?", seed_id="de", language="de")
    number = seed("number", seed_id="n")
    kin = kin_of([*rows, german, number])
    assert {one.task for row in rows[:3] for one in kin.of(row, 0)} == {"task"}
    assert not kin.of(german, 0)
    assert not kin.of(number, 0)


def test_kin_are_bounded_in_characters_and_long_passages_cut() -> None:
    rows = [seed(question=f"Why {n}?", seed_id=f"{n}", context="word " * 999) for n in range(4)]
    for one in kin_of(rows, items=2, max_chars=600).of(rows[0], 0):
        assert len(one.context) <= 300
        assert one.context.endswith("word …")
    assert not kin_of(rows, items=2, max_chars=60).of(rows[0], 0)
    assert not kin_of(rows, items=0).of(rows[0], 0)


def test_the_start_of_the_prompt_is_shared_and_the_seed_and_its_way_come_last() -> None:
    rows = seeds(40)
    kin = kin_of(rows)
    by_prefix: dict[str, list[str]] = {}
    for row in rows:
        _, requests = ask(row, kin=kin)
        by_prefix.setdefault(requests[0].prefix, []).append(said(requests[0]))
    assert len(by_prefix) == 4
    for texts in by_prefix.values():
        starts = {text.split("Question: Which part of plant")[0] for text in texts}
        end = {text[: text.index("\n\nThe example:")] for text in texts}
        assert len(end) == 1
        assert "Other items of the same collection" in next(iter(end))
        assert len(starts) == 1


def test_kin_are_noted_and_a_copy_of_one_is_a_copy() -> None:
    names = ("Ann, who runs a shop,", "The baker of the old town", "A school kitchen", "Bo")
    rows = [
        seed("number", question=f"{name} has 12 jars in 7 crates. How many is that?", seed_id=name)
        for name in names
    ]
    kin = kin_of(rows)
    shown = kin.of(rows[0], 0)
    asking, _ = ask(rows[0], as_json(**PLAN, question=shown[0].question, answer=84), kin=kin)
    assert asking.rejections[0].reason == "copy_of_seed"
    new = as_json(**PLAN, question="Five trams of 40 seats are full. How many sit?", answer=200)
    asking, _ = ask(rows[0], new, kin=kin)
    noted = json.loads(asking.questions[0].provenance.sampling)["kin"]
    assert noted == [one.seed_id for one in shown]


def test_without_kin_the_prompt_has_no_hole() -> None:
    _, requests = ask(seed())
    assert "Other items" not in said(requests[0])
    assert "\n\n\n" not in said(requests[0])
    assert "{" not in said(requests[0]).replace(said(requests[0]).split("nothing else:\n")[1], "")
