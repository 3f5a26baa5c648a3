"""Measure how answers at the end of real worked solutions are read.

    TSDG_MIRROR=/path/to/mirror python benchmarks/solutions.py [--count N] [--seed N] [--aqua FILE]
        [--list]

Draws rows of GSM8K, MATH and MBPP (training splits). Each worked solution is followed by a mark of
the answer in one of many languages and layouts, and by the gold answer in a layout (box, bold,
code, a whole sentence), with a unit, a currency or a remark. What is read is

- ``gold``: the gold answer;
- ``nothing``: abstained;
- ``wrong``: another value. This is what must not happen.

GSM8K's solutions are read as ``number``, MATH's as ``math``, MBPP's as ``code_text``; with
``--aqua``, AQuA's rationales as ``choice`` (JSON lines such as ``dev.json`` of github.com
deepmind/AQuA). Nothing is written. ``--list`` prints whatever is not gold.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from verifiers import MATH, MBPP, boxed, rows

from tsdg.generate.replies import split_answer_line, strip_fence
from tsdg.protocols import Asked, Verifier
from tsdg.verify import verifier_for

MARKS = (
    *("Answer: ", "**Answer:** ", "Final answer: ", "### Answer\n", "## Final Answer\n\n"),
    *("The answer is: ", "Therefore, the answer is ", "**Final Answer**\n", "ANSWER: "),
    *("Answer：\n", "答案：", "答案：\n", "【答案】", "最终答案：", "答え：", "정답: "),
    *("Respuesta: ", "Antwort: "),
    *("Réponse : ", "Risposta: ", "Resposta: ", "Ответ: ", "Відповідь: ", "Odpowiedź: ", "Svar: "),
    *("Cevap: ", "الجواب: ", "उत्तर: ", "คำตอบ: ", "Đáp án: ", "Jawaban: ", "Antwoord: "),
)
LAYOUTS = (
    "{}", "{}.", "**{}**", r"\boxed{{{}}}", r"$\boxed{{{}}}$", "${}$", r"\({}\)", r"\[{}\]", "`{}`",
    "<answer>{}</answer>", "  {}  \n", "{}\n\n", r"\[\boxed{{{}}}\]", "__{}__", "$${}$$",
)  # fmt: skip
UNITS = (
    *(" dollars", " apples", " hours", " km", " people", " kg", " minutes per day", " 元"),
    *(" euros", " Stunden", " manzanas", "%", " cm", " books in all"),
)
FENCES = (
    "```python\n{}\n```", "```\n{}\n```", "~~~py\n{}\n~~~", "```Python3\n{}\n```",
    "````python\n{}\n````", "```python\n{}", "```py title=\"solution.py\"\n{}\n```",
)  # fmt: skip
NOTHING = Asked(question="", context="", options=(), checks=())


def arithmetic(row: dict[str, Any], dice: random.Random) -> tuple[str, str, str]:
    """A solution of GSM8K, its gold number, and this number as it is written."""
    solution, _, gold = row["answer"].partition("####")
    gold = gold.strip().replace(",", "")
    whole = f"{int(gold):,}" if re.fullmatch(r"-?\d+", gold) and dice.random() < 0.3 else gold
    said = dice.choice(LAYOUTS).format(whole)
    if "{" not in said and "$" not in said and "\\" not in said and "\n" not in said:
        unit = dice.choice(("", "", *UNITS))
        said = said.rstrip(".") + unit
        said = f"${whole}" if dice.random() < 0.1 else said
    return re.sub(r"<<[^<>]*>>", "", solution).strip(), gold, said


def formula(row: dict[str, Any], dice: random.Random) -> tuple[str, str, str]:
    """A solution of MATH, its gold formula, and this formula as it is written."""
    gold = boxed(row["solution"])
    layout = dice.choice([one for one in LAYOUTS if "\\" in one or "$" in one])
    return row["solution"], gold, layout.format(gold)


def program(row: dict[str, Any], dice: random.Random) -> tuple[str, str, str]:
    """A task of MBPP as a thought, its gold code, and this code in a fence."""
    code = row["code"].replace("\r\n", "\n").strip()
    return row["text"], code, dice.choice(FENCES).format(code)


def option(row: dict[str, Any], dice: random.Random) -> tuple[str, str, str]:
    """A rationale of AQuA, its gold option, and its letter, its text or both as it is written."""
    letter = row["correct"]
    gold = options_of(row)["ABCDE".index(letter)]
    said = dice.choice((letter, f"({letter})", f"{letter}) {gold}", gold, f"{letter}. {gold}"))
    layouts = [one for one in LAYOUTS if "$" not in one and "\\" not in one]
    if said == letter:
        layouts = list(LAYOUTS)
    return row["rationale"], gold, dice.choice(layouts).format(said)


def options_of(row: dict[str, Any]) -> tuple[str, ...]:
    """The options of a row of AQuA, without their letters."""
    return tuple(text.partition(")")[2].strip() for text in row["options"])


SETS: tuple[tuple[str, tuple[str, ...], Callable[..., tuple[str, str, str]]], ...] = (
    ("number", ("openai/gsm8k/main/train",), arithmetic),
    ("math", MATH, formula),
    ("code_text", (MBPP,), program),
)


def outcome(verifier: Verifier, text: str, gold: str, asked: Asked = NOTHING) -> str:
    """Say what a text is read as: gold, nothing, or wrong."""
    reasoning, answer = split_answer_line(text)
    if verifier.kind == "code":
        answer = strip_fence(answer)
    found = verifier.read(answer, asked)
    wanted = gold if verifier.kind in ("math", "choice") else verifier.read(gold, asked)
    if found is None or wanted is None:
        return "nothing"
    if not verifier.same(found, wanted):
        return "wrong"
    return "gold" if reasoning else "gold, but the reasoning is lost"


def main() -> None:
    """Print what was read, per kind."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=10_000, help="solutions in all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--aqua", type=Path, help="rows of AQuA as JSON lines, to be read too")
    parser.add_argument("--list", action="store_true", help="print whatever is not gold")
    options = parser.parse_args()
    if not (mirror := os.environ.get("TSDG_MIRROR")):
        sys.exit("TSDG_MIRROR is not set; set it to the folder of a mirror")
    dice = random.Random(options.seed)
    pools = [
        (kind, make, [row for name in names for row in rows(Path(mirror), name, 1)])
        for kind, names, make in SETS
    ]
    if options.aqua:
        lines = options.aqua.read_text(encoding="utf-8").splitlines()
        pools.append(("choice", option, [json.loads(line) for line in lines if line.strip()]))
    total = sum(len(pool) for _, _, pool in pools)
    for kind, make, pool in pools:
        verifier, counts = verifier_for(kind), Counter[str]()
        for _ in range(max(1, options.count * len(pool) // total)):
            row, mark = dice.choice(pool), dice.choice(MARKS)
            solution, gold, said = make(row, dice)
            asked = replace(NOTHING, options=options_of(row)) if kind == "choice" else NOTHING
            what = outcome(verifier, f"{solution}\n\n{mark}{said}", gold, asked)
            counts[what] += 1
            if options.list and what != "gold":
                print(f"{kind}\t{what}\t{gold!r}\t{mark + said!r}")
        print(f"{kind}\t{counts.total()}\t{dict(counts)}")


if __name__ == "__main__":
    main()
