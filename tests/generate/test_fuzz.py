"""Odd replies through both steps, the judge, the enrichment and the sandbox's protocol.

None may raise. ``FUZZ_REPLIES=200000 FUZZ_READS=1000000 FUZZ_SEED=N .venv/bin/python -m pytest
tests/generate/test_fuzz.py -n0 -s --timeout 0`` goes on for longer and throws other dice. Each row
has dice of its own, so that a row's replies do not depend on those beside it.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import string
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from generate.rows import SEEDS, question, seed
from tsdg.config.compose import compose_recipe, recipes_dir
from tsdg.engine.journal import decode_result, encode_result
from tsdg.errors import MachineError, PermanentError, RetryableError
from tsdg.generate.answer_forms import solution_form
from tsdg.generate.judge_scores import read_scores
from tsdg.generate.prompt_files import load_prompts
from tsdg.generate.replies import only_text
from tsdg.generate.schemas import Flaw
from tsdg.layout import phase_name
from tsdg.pipeline.phases import process_of
from tsdg.protocols import Asked, Choice, Reply, Request
from tsdg.records import ANSWER_KINDS, AnswerKind
from tsdg.rowform import to_row
from tsdg.run.prepare import Prepared
from tsdg.serving.reply import parse_reply
from tsdg.verify import verifier_for, verifiers_of
from tsdg.verify.assertions import read_checks
from tsdg.verify.python_code import verdict
from tsdg.verify.sandbox import _read

REPLIES = int(os.environ.get("FUZZ_REPLIES", "1500"))
READS = int(os.environ.get("FUZZ_READS", "3000"))
DICE = int(os.environ.get("FUZZ_SEED", "1"))

ODD = [
    "\ud83d",
    "\udc00\ud800",
    "\x00",
    "\x0c\x08\x1b[31m",
    "\r\n\t",
    "\u202e\u200b\ufeff\uffff",
    "7" * 400,
    "7" * 5000,
    "-1e999",
    "1e400",
    "0/0",
    "10^{10^{10^{10}}}",
    "9" * 30 + "!" * 3,
    "NaN",
    "Infinity",
    "[" * 3000,
    "{" * 3000,
    "(" * 2000 + ")" * 2000,
    '{"a":' * 600,
    "\\frac{3}{4} \\theta \\boxed{\\text{a}",
    r"\boxed{" * 40,
    "$" * 51,
    "```python\n" * 30,
    "```",
    "<think>",
    "</think>",
    "</s><|im_end|>",
    "Answer:",
    "答案：",
    "#### ",
    "I cannot answer that.",
    "A, B and C",
    "½²³√∛∞≤±°′″",
    "١٢٣ १२३ 一二三",
    "None of the above",
    "True",
    "null",
    "def f(x):\n    return " + "(" * 300,
    "def double(n): return n*2",
    "assert f(1) == 1",
    "a " * 3000,
    "é" * 500,
    "e\u0301" * 300,
    "\U0001d400\U0001f469\u200d\U0001f680",
    "{answer} %s {0} \\g<0> $1",
]
SHORT_ODD = [text for text in ODD if len(text) <= 600]
"""Long ones are drawn less often: they cost most of the time and find least."""


_TEXT = {"type": "string"}
EVERYTHING: dict[str, Any] = {
    "type": "object",
    "properties": {
        **dict.fromkeys(("question", "context", "definition", "background", "answer"), _TEXT),
        "checks": {"type": "array", "items": _TEXT, "minItems": 3},
        "distractors": {"type": "array", "items": _TEXT, "minItems": 3},
        "why_wrong": {"type": "object"},
        "schema": {"type": "object"},
    },
}


class Dice:
    """Draws replies that a model, or a server around it, could send."""

    def __init__(self, start: int) -> None:
        self.random = random.Random(start)
        self.drawn = 0
        self.heat = 0.1
        """How odd the replies of a row are."""
        self.answer = ""

    def text(self) -> str:
        draw = self.random.random()
        if draw < 0.05:
            return self.random.choice(ODD)
        if draw < 0.45:
            return self.random.choice(SHORT_ODD)
        if draw < 0.6:
            return " ".join(self.random.choices(SHORT_ODD, k=3))
        if draw < 0.8:
            return "".join(self.random.choices(string.printable, k=self.random.randrange(40)))
        return "".join(
            chr(self.random.randrange(1, 0x11000)) for _ in range(self.random.randrange(20))
        )

    def number(self) -> Any:
        return self.random.choice(
            [0, 1, -5, 3.5, 10**400, -(10**30), 2**63, 1e308, "1,5", "１２", True, None, [1], "5%"]
        )

    def value(self, schema: dict[str, Any], name: str = "", depth: int = 0) -> Any:
        """A value of a schema, or something else."""
        if depth > 6 or self.random.random() < self.heat / 4:
            return self.random.choice([None, [], {}, self.text(), self.number(), [[[]]]])
        if "enum" in schema:
            odd = self.random.random() < self.heat
            return self.text() if odd else self.random.choice(schema["enum"][-2:])
        if schema.get("type") == "object":
            fields = schema.get("properties", {"type": _TEXT, "properties": EVERYTHING})
            made = {key: self.value(inner, key, depth + 1) for key, inner in fields.items()}
            if self.random.random() < self.heat / 3:
                made[self.text()] = self.text()
            if self.random.random() < self.heat / 3 and made:
                made.pop(self.random.choice(list(made)))
            return made
        if schema.get("type") == "array":
            count = schema["minItems"]
            if self.random.random() < self.heat:
                count = self.random.choice([0, 1, 60])
            return [self.value(schema["items"], f"{name}{i}", depth + 1) for i in range(count)]
        odd = self.random.random() < self.heat
        if schema.get("type") in ("number", "integer"):
            return self.number() if odd else 12
        return self.text() if odd else self.sound(name)

    def sound(self, name: str) -> str:
        """A text that gets further than rubbish does."""
        known = {
            "question": "Write a function triple(n): what is three times n, the sea or water?",
            "answer": self.answer,
            "type": "object",
            "checks0": "assert triple(2) == 6",
            "checks1": "assert triple(-1) == -3",
            "checks2": "assert triple(0) == 0",
            "distractors0": "the hills",
            "distractors1": "a wide plain",
            "distractors2": "some clouds",
        }
        return known.get(name, "Heat moves from warm to cold bodies until both are alike.")

    def completion(self, request: Request) -> str:
        """The text of one completion."""
        form = request.body.get("response_format", {}).get("json_schema", {}).get("schema")
        if form or self.random.random() < 0.5:
            value = self.value(form or EVERYTHING)
            text = json.dumps(value, ensure_ascii=self.random.random() < 0.5)
        else:
            answer = self.text() if self.random.random() < self.heat else self.sound("answer")
            text = f"Heat moves from warm to cold.\nAnswer: {answer}"
        while self.random.random() < self.heat:
            text = self.mangled(text)
        return text

    def mangled(self, text: str) -> str:
        place = self.random.randrange(len(text) + 1)
        return self.random.choice(
            [
                text[:place],
                text[:place] + self.random.choice(ODD) + text[place:],
                f"```json\n{text}\n```",
                f"Sure! {text} Done.",
                text + text,
                text.replace("\\\\", "\\"),
                text.replace(",", ",,", 1),
                text.replace("}", ",}", 1),
                f'{{"name": "answer", "arguments": {text}}}',
                f"<think>{text[:place]}</think>{text}",
            ]
        )

    def reply(self, request: Request) -> Reply:
        if self.random.random() < self.heat / 10:
            raise PermanentError("too_long", self.text())
        count = asked = request.body.get("n", 1)
        if self.random.random() < self.heat / 5:
            count = self.random.randrange(asked + 2)
        self.drawn += count
        return Reply(
            choices=tuple(self.choice(request) for _ in range(count)),
            prompt_tokens=self.random.choice([0, 9, 2**40]),
            completion_tokens=self.random.choice([0, 7, 2**40]),
        )

    def choice(self, request: Request) -> Choice:
        cut = ["length", "abort", "", "content_filter", "tool_calls", self.text()]
        odd = [self.random.random() < self.heat / 3 for _ in range(3)]
        return Choice(
            text="" if odd[0] else self.completion(request),
            reasoning=self.text() if odd[1] else "",
            finish_reason=self.random.choice(cut) if odd[2] else "stop",
        )


def prepared(*overrides: str) -> Prepared:
    recipe = compose_recipe(
        [
            "recipe=demo",
            "judge=rubric",
            "judge.min_score=2",
            "judge.question_min_score=1",
            "judge.best_of=true",
            "answers.variants=[answer,reasoning,enriched]",
            "questions.kin.items=0",
            "filter.verifiers={}",
            *overrides,
        ]
    )
    prompts = load_prompts(recipe.prompt, recipes_dir())
    return cast(Prepared, SimpleNamespace(recipe=recipe, prompts=prompts, directory=Path()))


ANSWERS = {"code": "def triple(n):\n    return 3 * n", "short_text": "the sea", "boolean": "yes"}
FORMS = (
    ("answers.structured=true", "questions.structured=true"),
    ("answers.structured=false", "questions.structured=false", "answers.rationale=written"),
    ("answers.structured=false", "answers.rationale=trace"),
)


RECIPES = [prepared(*form).recipe for form in FORMS]


LANES = 4
"""Rows under way at once: those of kind code wait for the sandbox."""


async def fuzz(dice: Dice, replies: int) -> Counter[str]:
    """Run rows of all kinds until so many replies were read; count rows by their rejections."""
    met: Counter[str] = Counter()
    raised: list[str] = []
    ready = [prepared(*form) for form in FORMS]
    processes = {
        phase_name(steps) + str(place): process_of(form, steps)
        for place, form in enumerate(ready)
        for steps in (("questions",), ("answers",), ("questions", "answers"))
    }
    # code is run in the sandbox, which takes its time
    kinds: list[AnswerKind] = [kind for kind in ANSWER_KINDS if kind != "code"] * 4 + ["code"]

    async def lane() -> None:
        while dice.drawn < replies:
            kind = dice.random.choice(kinds)
            name = dice.random.choice(list(processes))
            await row(kind, name, Dice(dice.random.getrandbits(64)))

    async def row(kind: AnswerKind, name: str, own: Dice) -> None:
        claimed = SEEDS[kind].get("answer") if name.startswith("answers") else ANSWERS.get(kind)
        own.answer = claimed or "12"
        own.heat = own.random.choice([0.0, 0.05, 0.1, 0.3, 0.7])
        start = seed(kind) if name.startswith("questions") else question(kind, **SEEDS[kind])

        async def ask(request: Request) -> Reply:
            return own.reply(request)

        made = await processes[name](to_row(start), ask)
        dice.drawn += own.drawn
        for rejection in made["rejections"]:
            met[rejection["reason"]] += 1
            if rejection["reason"] == "step_failed":
                raised.append(f"{name} of kind {kind}: {rejection['detail']}")
        met["solved"] += len(made["solutions"])

    await asyncio.gather(*(lane() for _ in range(LANES)))
    assert not raised, "\n".join(dict.fromkeys(raised))
    return met


def test_no_reply_raises_in_a_step() -> None:
    began = time.monotonic()
    dice = Dice(DICE)
    met = asyncio.run(fuzz(dice, REPLIES))
    print(f"{dice.drawn} replies, seed {DICE}, {time.monotonic() - began:.0f} s: {dict(met)}")
    # replies that are all refused at the first gate would show nothing
    assert met["solved"] > REPLIES / 1000
    assert {"bad_schema", "bad_format", "truncated", "request_failed", "judged"} <= met.keys()


def test_no_completion_raises_where_it_is_read() -> None:
    """The readers alone, of which a million replies take minutes."""
    dice = Dice(DICE)
    read = 0
    for number in range(READS):
        dice.heat = dice.random.choice([0.05, 0.3, 0.7])
        kind = dice.random.choice(ANSWER_KINDS)
        asked = question(kind, **SEEDS[kind])
        dice.answer = SEEDS[kind]["answer"]
        recipe = RECIPES[number % len(RECIPES)]
        form = solution_form(
            recipe.answers, kind, options=asked.options, checks=asked.checks, shown=True
        )
        choice = dice.choice(
            Request(request_id="", body=form.constraint, prefix="", expected_tokens=1)
        )
        said = form.read(choice)
        only_text(Reply(choices=(choice,), prompt_tokens=1, completion_tokens=1))
        read_scores(choice.text)
        if isinstance(said, Flaw):
            said.detail.encode()
            continue
        seen = Asked(question="", context="", options=asked.options, checks=asked.checks)
        # schemas are checked in another process, which the other test does
        for name in () if kind == "json" else verifiers_of(kind):
            found = verifier_for(name).read(said[1], seen)
            if found is not None:
                found.encode()
                read += 1
    print(f"{READS} completions, {read} readings")
    assert read > READS / 20


def test_no_body_of_a_server_raises_but_as_a_bad_reply() -> None:
    dice = Dice(DICE)
    whole = {
        "choices": [
            {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "x"}}
        ],
        "usage": {"prompt_tokens": 3, "completion_tokens": 4},
    }
    read = 0
    for _ in range(REPLIES):
        text = json.dumps(_swapped(whole, dice))
        place = dice.random.randrange(len(text))
        if dice.random.random() < 0.3:
            text = text[:place] + dice.random.choice(ODD) + text[place + 1 :]
        with suppress(RetryableError):
            reply = parse_reply(text.encode("utf-8", "surrogatepass"), choices=1)
            assert decode_result(encode_result("r", reply)) == reply
            read += 1
    assert read > REPLIES / 100


def _swapped(value: Any, dice: Dice) -> Any:
    if dice.random.random() < 0.08:
        return dice.random.choice([None, [], {}, dice.text(), dice.number(), [value], True])
    if isinstance(value, dict):
        return {key: _swapped(item, dice) for key, item in value.items()}
    return [_swapped(item, dice) for item in value] if isinstance(value, list) else value


def test_no_output_of_the_sandbox_raises() -> None:
    dice = Dice(DICE)
    tests = read_checks(("assert f(1) == 2", "assert f('a') == 'b'"))
    passed = 0
    for _ in range(REPLIES):
        lines = [b'["closed"]', b'["loaded"]', b'["value", "2"]', b'["value", "\'b\'"]']
        for _ in range(dice.random.randrange(3)):
            line = json.dumps(dice.value({"type": "array", "items": {}, "minItems": 2})).encode()
            lines.insert(
                dice.random.randrange(1, len(lines) + 1),
                dice.random.choice([line, b"[" * 200_000, line[: len(line) // 2], os.urandom(9)]),
            )
        run = _read(dice.random.choice([0, 1, -9, 159]), b"\n".join(lines), b"", None, "bwrap")
        found, detail = verdict(run, tests)
        detail.encode()
        passed += found == "passed"
    assert passed > REPLIES / 100
    with pytest.raises(MachineError):
        _read(1, b"[" * 200_000, b"\xff", None, "bwrap")
