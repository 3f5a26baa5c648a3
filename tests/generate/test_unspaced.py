"""Chinese, Thai and Japanese from seed to record: words need no spaces between them."""

from __future__ import annotations

import asyncio
import dataclasses
from dataclasses import dataclass
from pathlib import Path

import pytest

from generate.rows import (
    ScriptedAsk,
    answers_config,
    as_json,
    model,
    prompt_set,
    questions_config,
    reply,
    seed,
    solvers,
)
from tsdg.corpus.near import NearDuplicates
from tsdg.generate.answers import AnswerStep
from tsdg.generate.checks import says_nothing
from tsdg.generate.questions import QuestionStep
from tsdg.package.render import Wording, render
from tsdg.protocols import Reply, Request
from tsdg.records import Question, Seed
from tsdg.seeds.heldout.index import LeakIndex, Piece, index_items
from tsdg.seeds.rows.item import Item
from tsdg.seeds.rows.keys import keys
from tsdg.verify import verifier_for


@dataclass(frozen=True, kw_only=True)
class Script:
    """What is written in one language."""

    language: str
    name: str
    seed: str
    options: tuple[str, ...]
    new: str
    written: tuple[str, ...]
    """The options of the new question, the right one first."""
    reworded: str
    """The seed with one word put in."""
    near: str
    """The new question with one word put in."""
    leaning: str
    """Speaks of a passage that is not there."""
    foreign: str
    """In another language."""
    why: str
    empty: str
    """An explanation that only names the answer."""
    label: str


CHINESE = Script(
    language="zh",
    name="Chinese",
    seed="植物的哪一个部分负责从土壤中吸收水分？",
    options=("根", "花瓣", "种子", "树皮"),
    new="鱼类依靠身体的哪一个器官获得溶解在水里的氧气？",
    written=("鱼鳃", "鱼鳍", "鱼鳞", "鱼尾"),
    reworded="植物的哪一个部分负责从土壤中吸收水分呢？",
    near="鱼类依靠身体的哪一个器官来获得溶解在水里的氧气？",
    leaning="根据短文，鱼类依靠身体的哪一个器官获得氧气？",
    foreign="魚が水の中で呼吸するために使う器官はどれですか？",
    why="鱼鳃里有许多细小的血管，水流过时氧气进入血液。",
    empty="正确答案是鱼鳃。",
    label="问题：",
)
THAI = Script(
    language="th",
    name="Thai",
    seed="ส่วนใดของพืชทำหน้าที่ดูดน้ำจากดินขึ้นไปเลี้ยงลำต้น",
    options=("ราก", "กลีบดอก", "เมล็ด", "เปลือกไม้"),
    new="อวัยวะใดของปลาใช้รับออกซิเจนที่ละลายอยู่ในน้ำ",
    written=("เหงือก", "ครีบ", "เกล็ด", "หาง"),
    reworded="ส่วนใดของพืชที่ทำหน้าที่ดูดน้ำจากดินขึ้นไปเลี้ยงลำต้น",
    near="อวัยวะใดของปลาที่ใช้รับออกซิเจนที่ละลายอยู่ในน้ำ",
    leaning="จากบทความ อวัยวะใดของปลาใช้รับออกซิเจนในน้ำ",
    foreign="鱼类依靠身体的哪一个器官获得溶解在水里的氧气",
    why="เหงือกมีเส้นเลือดฝอยจำนวนมาก ออกซิเจนในน้ำจึงซึมเข้าสู่เลือดได้",
    empty="คำตอบที่ถูกต้องคือเหงือก",
    label="คำถาม: ",
)
JAPANESE = Script(
    language="ja",
    name="Japanese",
    seed="植物が土の中から水を吸い上げるのに使う部分はどこですか？",
    options=("根", "花びら", "種", "樹皮"),
    new="魚が水に溶けた酸素を取り入れるための器官は何でしょうか？",
    written=("えら", "ひれ", "うろこ", "尾"),
    reworded="植物が土の中から水を吸い上げるのに使う部分はどこですかね？",
    near="魚が水に溶けた酸素を体に取り入れるための器官は何でしょうか？",
    leaning="本文によると、魚が酸素を取り入れるための器官は何でしょうか？",
    foreign="鱼靠哪个器官获得溶解在水里的氧气，这是为什么呢？",
    why="えらには細い血管が多く、水から酸素が血液に入るからです。",
    empty="正解はえら。",
    label="質問：",
)
SCRIPTS = pytest.mark.parametrize("it", [CHINESE, THAI, JAPANESE], ids=lambda it: it.name)


def seed_of(it: Script) -> Seed:
    return seed(question=it.seed, options=it.options, answer=it.options[0], language=it.language)


def asked(it: Script, text: str) -> tuple[tuple[Question, ...], list[str], Request]:
    """Make one question of the seed with a scripted reply.

    Returns the questions, the reasons for rejection and the request.
    """
    written = as_json(question=text, answer=it.written[0], distractors=list(it.written[1:]))
    ask = ScriptedAsk(lambda _: reply(written))
    step = QuestionStep(
        config=questions_config(per_seed=1), model=model(), prompts=prompt_set(), seed=7, judge=None
    )
    asking = asyncio.run(step(seed_of(it), ask))
    return (
        tuple(asking.questions),
        [f"{r.reason}: {r.detail}" for r in asking.rejections],
        ask.requests[0],
    )


@SCRIPTS
def test_a_new_question_passes_and_its_language_is_asked_for(it: Script) -> None:
    (made,), rejections, request = asked(it, it.new)
    assert not rejections
    assert (made.question, made.language, set(made.options)) == (
        it.new,
        it.language,
        set(it.written),
    )
    assert f"new item in {it.name}" in request.body["messages"][-1]["content"]


@SCRIPTS
@pytest.mark.parametrize(
    ("field", "reason"),
    [
        ("seed", "copy_of_seed: shares 100%"),
        ("reworded", "copy_of_seed"),
        ("leaning", "bad_format: refers to"),
        ("foreign", "bad_format: written in"),
    ],
)
def test_copies_and_strays_are_rejected(it: Script, field: str, reason: str) -> None:
    questions, (rejection,), _ = asked(it, getattr(it, field))
    assert not questions
    assert rejection.startswith(reason)


@SCRIPTS
def test_a_question_that_repeats_its_options_is_rejected(it: Script) -> None:
    _, (rejection,), _ = asked(it, it.new[:-1] + "".join(it.written) + it.new[-1])
    assert rejection == "bad_format: the question repeats its options"


@SCRIPTS
def test_votes_meet_and_the_training_text_is_in_the_language(it: Script) -> None:
    (made,), _, _ = asked(it, it.new)

    def script(request: Request) -> Reply:
        if "background" in str(request.body.get("response_format", "")):
            others = dict.fromkeys(it.written[1:], it.why)
            return reply(as_json(definition=it.why, background=it.why, why_wrong=others))
        return reply(*[as_json(reasoning=it.why, answer=it.written[0])] * request.body.get("n", 1))

    step = AnswerStep(
        config=answers_config(variants=("answer", "reasoning", "enriched")),
        models=solvers(model()),
        prompts=prompt_set(),
        seed=7,
        verifier_for=lambda question: verifier_for(question.answer_kind),
        judge=None,
    )
    solving = asyncio.run(step(dataclasses.replace(made, seed_ids=("s",)), ScriptedAsk(script)))
    assert solving.rejection is None
    solution = solving.solution
    assert solution is not None
    assert solution.answer == it.written[0]
    wording = Wording(style="labelled", knowledge="after", think=False)
    text = render(made, solution, "enriched", wording).text
    assert f"{it.label}{it.new}" in text
    assert it.why in text
    assert not any(word in text for word in ("Question", "Options", "Answer", "Background"))


@SCRIPTS
def test_an_explanation_that_only_names_the_answer_says_nothing(it: Script) -> None:
    assert says_nothing(it.empty, it.written[0])
    assert not says_nothing(it.why, it.written[0])


@SCRIPTS
def test_near_duplicates_are_found(it: Script, tmp_path: Path) -> None:
    with NearDuplicates(threshold=0.85, scratch=tmp_path / "near") as near:
        for name, text in (("a", it.new), ("b", it.near), ("c", it.seed)):
            near.add(name, question=text, context="", options=(), source="", agreement=0.0)
        assert near.find() == {"b": ("", "a")}


@SCRIPTS
def test_held_out_items_are_recognised(it: Script) -> None:
    held_out = f"{it.why}{it.new}"
    docs, runs = index_items(enumerate(keys([Item(question=held_out)])), 8)
    piece = Piece(name="a/set/default/test", dataset_path="a/set", rows=1, docs=docs, runs=runs)
    index = LeakIndex([piece], ngram=8, overlap=0.8)
    same, near, other = index.compare(
        [
            Item(question=f" {held_out}"),
            Item(question=f"{it.seed}{held_out}"),
            Item(question=f"{it.seed}{it.why}"),
        ]
    )
    assert same is not None
    assert same.exact
    assert near is not None
    assert not near.exact
    assert other is None
