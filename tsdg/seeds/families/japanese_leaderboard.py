"""Japanese Leaderboard: JGLUE, JAQKET and XL-Sum.

lm-eval's prompts begin with an instruction and list the options.

Hub path ``Rakuten/JGLUE``, configs ``JCommonsenseQA``, ``JNLI``, ``JSQuAD`` and ``MARC-ja``, splits
train, validation (scored) and test, CC-BY-SA-4.0 (MARC-ja: Amazon's research licence);
``kumapo/JAQKET``, config ``v2.0``, and ``mkshing/xlsum_ja``, splits train and validation or test
(scored). Records::

    {"q_id": 0, "question": "雨の日に差すものは?", "choice0": "傘", "choice1": "帽子",
     "choice2": "靴", "choice3": "本", "choice4": "机", "label": 0}
    {"sentence_pair_id": "0", "yjcaptions_id": "1-2",
     "sentence1": "猫が寝ている。", "sentence2": "動物がいる。",
     "label": 0}
    {"id": "a1p0q0", "title": "富士山", "context": "富士山 [SEP] 富士山は日本一高い山である。",
     "question": "日本一高い山は?", "answers": {"text": ["富士山"], "answer_start": [0]},
     "is_impossible": false}
    {"sentence": "また買いたいです。", "label": 0, "review_id": "R1"}
    {"qid": "1", "question": "日本一高い山は?", "answers": {"text": ["富士山"], ...},
     "ctxs": {"id": ["1"], "title": ["富士山"], "text": ["富士山は日本一高い山である。"], ...}}
    {"id": "1", "url": "...", "title": "天気", "summary": "明日は晴れる。",
     "text": "今日は雨だが、明日は晴れる見込み。"}
"""

from __future__ import annotations

from tsdg.seeds.rows.item import Item, as_text, labelled, part, text, texts
from tsdg.seeds.rows.row_forms import Form, classified, extracted, summarised
from tsdg.seeds.rows.spans import spans


def _passages(found: object) -> tuple[str, ...]:
    """What was found for a question; an empty passage among the others does not count."""
    passages = [passage for passage in part(found, "text") or () if as_text(passage)]
    return texts({"ctxs.text": passages}, "ctxs.text")


_CHOICES = tuple(f"choice{number}" for number in range(5))
FORMS = {
    "JCommonsenseQA": Form(
        columns=("question", *_CHOICES, "label"),
        item=lambda row: Item(
            question=text(row, "question"),
            options=tuple(text(row, column) for column in _CHOICES),
        ),
        gold=lambda row, item: labelled(row, "label", item),
    ),
    "JNLI": classified(
        "japanese_leaderboard",
        "JNLI",
        context=("sentence1",),
        quoted=("sentence2",),
        label="label",
    ),
    "JSQuAD": extracted(question="question", context="context", answers="answers"),
    "MARC-ja": classified("japanese_leaderboard", "MARC-ja", context=("sentence",), label="label"),
    "v2.0": Form(
        columns=("question", "answers", "ctxs"),
        item=lambda row: Item(
            question=text(row, "question"), context="\n".join(_passages(row["ctxs"]))
        ),
        gold=lambda row, item: spans(row, "answers"),
    ),
    "mkshing/xlsum_ja": summarised(
        "japanese_leaderboard", "XL-Sum", context="text", summary="summary"
    ),
}
