"""The Japanese leaderboard.

JGLUE, JAQKET and XL-Sum. lm-eval's prompts begin with an instruction and list the options.

Hub path ``Rakuten/JGLUE``, configs ``JCommonsenseQA``, ``JNLI``, ``JSQuAD`` and ``MARC-ja``, splits
train, validation (scored) and test, CC-BY-SA-4.0 (MARC-ja: Amazon's research licence);
``kumapo/JAQKET``, config ``v2.0``, and ``mkshing/xlsum_ja``, splits train and validation or test
(scored). Records::

    {"q_id": 0, "question": "雨の日に差すものは?", "choice0": "傘", "choice1": "帽子", "choice2": "靴",
     "choice3": "本", "choice4": "机", "label": 0}
    {"sentence_pair_id": "0", "yjcaptions_id": "1-2",
     "sentence1": "猫が寝ている。", "sentence2": "動物がいる。",
     "label": 0}
    {"id": "a1p0q0", "title": "富士山", "context": "富士山は日本一高い山である。", "question": "日本一高い山は?",
     "answers": {"text": ["富士山"], "answer_start": [0]}, "is_impossible": false}
    {"sentence": "また買いたいです。", "label": 0, "review_id": "R1"}
    {"qid": "1", "question": "日本一高い山は?", "answers": {"text": ["富士山"], ...},
     "ctxs": {"id": ["1"], "title": ["富士山"], "text": ["富士山は日本一高い山である。"], ...}}
    {"id": "1", "url": "...", "title": "天気", "summary": "明日は晴れる。",
     "text": "今日は雨だが、明日は晴れる見込み。"}
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tsdg.seeds.forms import Form, classified, spans, summarised
from tsdg.seeds.item import Gold, Item, Row, labelled, text, texts, unknown
from tsdg.seeds.phrases import phrase

if TYPE_CHECKING:
    from tsdg.seeds.catalogue import Unit

_CHOICES = tuple(f"choice{number}" for number in range(5))
_COLUMNS = {
    "JCommonsenseQA": ("question", *_CHOICES, "label"),
    "JNLI": ("sentence1", "sentence2", "label"),
    "JSQuAD": ("context", "question", "answers"),
}
_FORMS = {
    "MARC-ja": classified("japanese_leaderboard", "MARC-ja", context=("sentence",), label="label"),
    "v2.0": Form(
        columns=("question", "answers", "ctxs"),
        item=lambda row: Item(
            question=text(row, "question"), context="\n".join(texts(row["ctxs"], "text"))
        ),
        gold=lambda row, item: spans(row, "answers"),
    ),
    "": summarised("japanese_leaderboard", "XL-Sum", context="text", summary="summary"),
}
"""Of the configs that are of a common form."""


def columns(unit: Unit) -> tuple[str, ...]:
    """Columns that are read."""
    if unit.config in _FORMS:
        return _FORMS[unit.config].columns
    if unit.dataset_path != "Rakuten/JGLUE" or unit.config not in _COLUMNS:
        raise unknown(unit)
    return _COLUMNS[unit.config]


def shuffle(unit: Unit) -> bool:
    """The right option stands anywhere."""
    return False


def item(row: Row, unit: Unit) -> Item:
    """The question; options in the order of the labels."""
    if unit.config in _FORMS:
        return _FORMS[unit.config].item(row)
    match unit.config:
        case "JCommonsenseQA":
            return Item(
                question=text(row, "question"),
                options=tuple(text(row, column) for column in _CHOICES),
            )
        case "JNLI":
            wording = phrase("japanese_leaderboard", "JNLI")
            question = wording.question.format(text(row, "sentence2"))
            return Item(question=question, context=text(row, "sentence1"), options=wording.options)
        case _:
            return Item(question=text(row, "question"), context=text(row, "context"))


def gold(row: Row, unit: Unit, item: Item) -> Gold:
    """The label; of JSQuAD and JAQKET, the marked text; of XL-Sum, the summary."""
    if unit.config in _FORMS:
        return _FORMS[unit.config].gold(row, item)
    if unit.config != "JSQuAD":
        return labelled(row, "label", item)
    answers = tuple(dict.fromkeys(texts(row["answers"], "text")))
    return Gold(kind="short_text", answer=answers[0], aliases=answers[1:])
