"""Measure the verifiers on real gold answers.

    TSDG_MIRROR=/path/to/mirror python benchmarks/verifiers.py [--kind KIND] [--every N] [--list]

For each answer kind, over the rows of training splits in the mirror:

- ``gold``: the gold answer, in every form in which a model may write it, is read and is the same as
  the gold answer;
- ``wrong``: wrong answers made by rule (another option, a digit changed, a sign flipped, another
  row's answer) are *not* the same as the gold answer: what is counted is how often one is taken for
  it.

Nothing is written. ``--every N`` takes each N-th row; ``--list`` prints every miss and every false
match.
"""

from __future__ import annotations

import argparse
import ast
import asyncio
import os
import random
import re
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from tsdg.protocols import Asked, Proof, Prover, Verifier
from tsdg.verify import symbolic, verifier_for
from tsdg.verify.formulas import look, plain

ARC = (
    "allenai/ai2_arc/ARC-Easy/train",
    "allenai/ai2_arc/ARC-Challenge/train",
    "allenai/openbookqa/main/train",
)
STORY = tuple(
    f"juletxara/xstory_cloze/{language}/train" for language in ("zh", "ar", "te", "my", "hi", "ru")
)
AREAS = (
    "algebra",
    "counting_and_probability",
    "geometry",
    "intermediate_algebra",
    "number_theory",
    "prealgebra",
)
MBPP = "google-research-datasets/mbpp/full/train"
MATH = tuple(f"EleutherAI/hendrycks_math/{area}/train" for area in (*AREAS, "precalculus"))


@dataclass
class Figure:
    """Counts of one verifier on one set of rows."""

    kind: str
    rows: str
    gold: dict[str, list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0]))
    """Form → [read as gold, tried]."""
    wrong: dict[str, list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0]))
    """Rule → [taken for gold, tried]."""
    misses: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def ask(self, book: str, name: str, ok: bool, shown: str) -> None:
        """Count one trial; ``ok`` means read as gold, so a gold form misses if it is False."""
        counts = (self.gold if book == "gold" else self.wrong)[name]
        counts[0] += ok
        counts[1] += 1
        if ok != (book == "gold"):
            self.misses.append(f"{self.kind}\t{self.rows}\t{book}:{name}\t{shown}")

    def share(self, book: str) -> float:
        """Share read as gold, over all forms or rules."""
        counts = (self.gold if book == "gold" else self.wrong).values()
        return sum(c[0] for c in counts) / max(1, sum(c[1] for c in counts))


def rows(mirror: Path, name: str, every: int) -> Iterator[dict[str, Any]]:
    """Yield each ``every``-th row of a split."""
    yield from pq.read_table(mirror / f"{name}.parquet").to_pylist()[::every]


def _asked(options: tuple[str, ...] = (), checks: tuple[str, ...] = (), context: str = "") -> Asked:
    return Asked(question="", context=context, options=options, checks=checks)


def _options(name: str, row: dict[str, Any]) -> tuple[tuple[str, ...], int]:
    if "choices" in row:
        return tuple(row["choices"]["text"]), list(row["choices"]["label"]).index(row["answerKey"])
    if "choice0" in row:
        return tuple(row[f"choice{i}"] for i in range(5)), int(row["label"])
    return (row["sentence_quiz1"], row["sentence_quiz2"]), int(row["answer_right_ending"]) - 1


def choice(mirror: Path, every: int) -> Iterator[Figure]:
    """Try gold options and other options of four choice benchmarks.

    These are ARC, OpenBookQA, JCommonsenseQA (Japanese) and XStoryCloze (six languages).
    """
    verifier, draw = verifier_for("choice"), random.Random(0)
    groups = {
        "arc, openbookqa (en)": ARC,
        "jcommonsenseqa (ja)": ("Rakuten/JGLUE/JCommonsenseQA/train",),
    }
    for label, names in (groups | {"xstory_cloze (zh ar te my hi ru)": STORY}).items():
        figure, start = Figure("choice", label), time.perf_counter()
        for name in names:
            for row in rows(mirror, name, every):
                options, gold = _options(name, row)
                if len(set(options)) < len(options):
                    continue  # two equal options are refused as questions
                order = draw.sample(range(len(options)), len(options))
                shown = tuple(options[i] for i in order)
                _choice(figure, verifier, shown, order.index(gold))
        figure.seconds = time.perf_counter() - start
        yield figure


def _choice(figure: Figure, verifier: Verifier, options: tuple[str, ...], gold: int) -> None:
    text, letter, asked = options[gold], "ABCDEFGH"[gold], _asked(options)
    forms = {
        "text": text,
        "upper case": text.upper(),
        "full stop": f"{text}.",
        "bold": f"**{text}**",
        "letter": letter,
        "(letter)": f"({letter.lower()})",
        "letter) text": f"{letter}) {text}",
        "answer: text": f"Answer: {text}",
        (
            "marked at the end"
        ): f"Let me think about each option in turn.\nThe answer is ({letter}) {text}.",
    }
    for name, form in forms.items():
        figure.ask("gold", name, verifier.read(form, asked) == text, f"{form!r} of {options!r}")
    other = (gold + 1) % len(options)
    rules = {
        "another option": options[other],
        "another letter": "ABCDEFGH"[other],
        "its letter, another text": f"{letter}) {options[other]}",
        "both": f"{text} or {options[other]}",
        "denied": f"not {text}",
        "rubbish": "%$#",
    }
    for name, form in rules.items():
        read = verifier.read(form, asked)
        figure.ask("wrong", name, read == text, f"{form!r} of {options!r}")


def number(mirror: Path, every: int) -> Iterator[Figure]:
    """GSM8K and MGSM (eleven languages)."""
    verifier = verifier_for("number")
    languages = ("bn", "de", "es", "fr", "ja", "ru", "sw", "te", "th", "zh")
    sets = {
        "gsm8k (en)": ("openai/gsm8k/main/train",),
        "mgsm (10 languages)": tuple(f"juletxara/mgsm/{language}/test" for language in languages),
    }
    for label, names in sets.items():
        figure, start = Figure("number", label), time.perf_counter()
        for name in names:
            for row in rows(mirror, name, every):
                _number(figure, verifier, row)
        figure.seconds = time.perf_counter() - start
        yield figure


def _number(figure: Figure, verifier: Verifier, row: dict[str, Any]) -> None:
    gold = str(
        row.get("answer_number") or row["answer"].rpartition("####")[2].strip().replace(",", "")
    )
    value = float(gold)
    whole = int(value) if value == int(value) else value
    forms = {
        "bare": gold,
        "####": f"#### {gold}",
        "grouped": f"{whole:,}",
        "currency": f"${whole:,}",
        "unit": f"{gold} apples.",
        "boxed": rf"So it is \boxed{{{gold}}}.",
        "sentence": f"The answer is {whole:,} apples.",
        "full width": gold.translate({ord(d): ord(d) + 0xFEE0 for d in "0123456789"}),
        "equation": f"3x + 1 = {gold}",
    }
    if "####" in (row["answer"] or ""):
        forms["whole solution"] = row["answer"]
    for name, form in forms.items():
        read = verifier.read(form, _asked())
        figure.ask(
            "gold",
            name,
            read is not None and verifier.same(read, gold),
            f"{form[-80:]!r} read {read}",
        )
    rules = {
        "one more": str(whole + 1),
        "negated": str(-whole),
        "ten times": str(whole * 10),
        "two numbers": f"{gold} or {whole + 1}",
        "a range": f"{gold}-{whole + 2}",
        "per mille": str(whole + whole / 1000),
    }
    for name, form in rules.items():
        read = verifier.read(form, _asked())
        if whole == 0 and name in ("negated", "ten times", "per mille"):
            continue
        figure.ask(
            "wrong", name, read is not None and verifier.same(read, gold), f"{form!r} for {gold}"
        )


def boxed(solution: str) -> str:
    """Return the last boxed expression, found by counting braces from the left.

    This is independent of the verifier.
    """
    start = max(solution.rfind("\\boxed"), solution.rfind("\\fbox"))
    rest = (
        solution[solution.index("{", start) + 1 :]
        if solution[start + 6 : start + 7] != " "
        else None
    )
    if rest is None:
        return solution[start + 7 :].split("$")[0].strip()
    depth, out = 1, ""
    for char in rest:
        depth += {"{": 1, "}": -1}.get(char, 0)
        if depth == 0:
            return out.strip()
        out += char
    return out


def mathematics(mirror: Path, every: int) -> Iterator[Figure]:
    """MATH: formulas in boxed solutions."""
    verifier, previous = verifier_for("math"), "17"
    figure, start = Figure("math", "hendrycks_math, 7 areas"), time.perf_counter()
    for name in MATH:
        for row in rows(mirror, name, every):
            gold = boxed(row["solution"])
            if not gold:
                continue  # two rows of the split have an empty box
            forms = {
                "whole solution": row["solution"],
                "boxed": rf"Hence \boxed{{{gold}}}.",
                "inline": f"${gold}$",
                "display": f"\\[{gold}\\]",
                "dfrac": rf"\boxed{{{gold.replace(chr(92) + 'frac', chr(92) + 'dfrac')}}}",
                "spaced": rf"\boxed{{ {gold.replace(',', ', ').replace('+', ' + ')} }}",
                "marked": f"The answer is ${gold}$.",
            }
            for form_name, form in forms.items():
                read = verifier.read(form, _asked())
                same = read is not None and verifier.same(read, gold)
                figure.ask("gold", form_name, same, f"{gold!r} read {read!r}")
            figure.ask(
                "gold",
                "math-verify alone",
                symbolic.same(plain(gold), plain(gold)),
                f"{gold!r} cannot be parsed",
            )
            for rule, wrong in _wrong_formulas(gold, previous):
                figure.ask("wrong", rule, verifier.same(gold, wrong), f"{gold!r} and {wrong!r}")
            previous = gold
    figure.seconds = time.perf_counter() - start
    yield figure


def _wrong_formulas(gold: str, previous: str) -> Iterator[tuple[str, str]]:
    digits = list(re.finditer(r"\d", gold))
    if digits:
        at = digits[-1].start()
        yield "last digit changed", f"{gold[:at]}{(int(gold[at]) + 1) % 10 or 1}{gold[at + 1 :]}"
        if gold[0] != "-" and not any(mark in gold for mark in "=<>(,\\^") and gold.strip("0."):
            yield "negated", f"-{gold}" if not re.search(r"[+-]", gold) else f"-({gold})"
    if gold.startswith("(") and "," in gold and gold.endswith(")"):
        if not gold.endswith("\\infty)"):  # there a bracket changes the notation, not the set
            yield "bracket closed", gold[:-1] + "]"
        first, _, second = gold[1:-1].partition(",")
        if look(first) != look(second) and "," not in second:
            yield "pair swapped", f"({second},{first})"
    if look(previous) != look(gold):
        yield "the answer before", previous


def short_text(mirror: Path, every: int) -> Iterator[Figure]:
    """WebQuestions answers and DROP spans."""
    verifier = verifier_for("short_text")
    # a run shows the passage, in which "unknown" may stand as an answer
    sets: dict[str, tuple[str, Callable[[dict[str, Any]], list[str]]]] = {
        "web_questions": (
            "stanfordnlp/web_questions/default/train",
            lambda row: list(row["answers"]),
        ),
        "drop spans": ("EleutherAI/drop/default/train", lambda row: list(row["answer"]["spans"])),
    }
    for label, (name, answers) in sets.items():
        figure, start, previous = Figure("short_text", label), time.perf_counter(), "17 May"
        for row in rows(mirror, name, every):
            asked = _asked(context=row.get("passage", ""))
            for gold in answers(row)[:1]:
                forms = {
                    "bare": gold,
                    "upper case": gold.upper(),
                    "the": f"the {gold}",
                    "full stop": f" {gold}.",
                    "marked": f"I looked it up.\nAnswer: **{gold}**",
                }
                for form_name, form in forms.items():
                    read = verifier.read(form, asked)
                    figure.ask(
                        "gold",
                        form_name,
                        read is not None and verifier.same(read, gold),
                        f"{gold!r}: {read!r}",
                    )
                if previous.casefold() != gold.casefold():
                    figure.ask(
                        "wrong",
                        "the answer before",
                        verifier.same(gold, previous),
                        f"{gold!r}, {previous!r}",
                    )
                figure.ask("wrong", "a word more", verifier.same(gold, f"{gold} Park"), gold)
                previous = gold
        figure.seconds = time.perf_counter() - start
        yield figure


def code(mirror: Path, every: int) -> Iterator[Figure]:
    """MBPP solutions: read, re-laid and changed. Nothing is executed."""
    verifier, previous = verifier_for("code_text"), "def nothing(): pass"
    figure, start = Figure("code_text", "mbpp"), time.perf_counter()
    for row in rows(mirror, MBPP, every):
        source, asked = row["code"].replace("\r\n", "\n"), _asked(checks=tuple(row["test_list"]))
        gold = verifier.read(source, asked)
        relaid = "# a comment\n" + ast.unparse(ast.parse(source))
        forms = {
            "bare": source,
            "fenced": f"Here:\n```python\n{source}\n```\nDone.",
            "re-laid": relaid,
        }
        for name, form in forms.items():
            figure.ask(
                "gold",
                name,
                gold is not None and verifier.read(form, asked) == gold,
                f"{source[:60]!r}",
            )
        changed = re.sub(r"\d", lambda match: str((int(match[0]) + 1) % 10), source, count=1)
        if changed != source:
            figure.ask(
                "wrong", "a digit changed", verifier.read(changed, asked) == gold, repr(source[:60])
            )
        figure.ask(
            "wrong", "the answer before", verifier.read(previous, asked) == gold, repr(source[:60])
        )
        previous = source
    figure.seconds = time.perf_counter() - start
    yield figure


_COMPARE = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq}
_BINARY = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
}


class _Change(ast.NodeTransformer):
    """Changes the one operator, comparison or whole number that ``place`` counts to."""

    def __init__(self, place: int) -> None:
        self.left = place

    def _here(self) -> bool:
        self.left -= 1
        return self.left == -1

    def visit_Constant(self, node: ast.Constant) -> ast.Constant:
        whole = isinstance(node.value, int) and not isinstance(node.value, bool)
        return ast.Constant(node.value + 1) if whole and self._here() else node

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        self.generic_visit(node)
        if self._here():
            node.ops = [_COMPARE.get(type(op), type(op))() for op in node.ops]
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        if self._here():
            node.op = _BINARY.get(type(node.op), type(node.op))()
        return node


def _mutants(source: str, most: int) -> list[str]:
    found = []
    for place in range(40):
        change = _Change(place)
        changed = ast.unparse(ast.fix_missing_locations(change.visit(ast.parse(source))))
        if change.left >= 0:
            break
        if changed != source:
            found.append(changed)
    return random.Random(0).sample(found, min(most, len(found)))


def executed(mirror: Path, every: int) -> Iterator[Figure]:
    """Run MBPP solutions, and mutants of them, in the sandbox.

    A mutant has one operator, comparison or number changed.

    A mutant that passes the question's tests may be the same function, or one that the tests do not
    tell apart: what is counted as taken is what also does the same on all probes.
    """
    verifier = verifier_for("code")
    assert isinstance(verifier, Prover)
    figure, start = Figure("code", "mbpp, executed"), time.perf_counter()
    for row in rows(mirror, MBPP, every):
        asked = _asked(checks=tuple(row["test_list"]))
        gold = verifier.read(row["code"].replace("\r\n", "\n"), asked)
        if gold is None:
            figure.ask("gold", "read", False, repr(row["code"][:60]))
            continue
        mutants = _mutants(gold, 4)
        first, *others = asyncio.run(_prove(verifier, [gold, *mutants], asked))
        figure.ask(
            "gold", "passes its tests", first.verdict == "passed", f"{first.detail}: {gold[:60]!r}"
        )
        for mutant, proof in zip(mutants, others, strict=True):
            passed = proof.verdict == "passed"
            figure.ask("wrong", "passes the tests", passed, "")
            alike = (
                passed
                and first.verdict == "passed"
                and verifier.alike(first.behaviour, proof.behaviour)
            )
            figure.ask("wrong", "passes, and the same on probes", alike, repr(mutant))
    figure.seconds = time.perf_counter() - start
    yield figure


async def _prove(verifier: Prover, sources: list[str], asked: Asked) -> Sequence[Proof]:
    return await verifier.prove(sources, asked)


PARTS = {
    "choice": choice,
    "number": number,
    "math": mathematics,
    "short_text": short_text,
    "code_text": code,
    "code": executed,
}


def measure(mirror: Path, every: int, kinds: Iterable[str] = PARTS) -> Iterator[Figure]:
    """Yield the figures of the verifiers that have gold answers in the mirror."""
    for kind in kinds:
        yield from PARTS[kind](mirror, every)


def main() -> None:
    """Print one line per verifier and set of rows, then one per form and rule."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--kind", action="append", choices=list(PARTS), default=None)
    options = parser.parse_args()
    if "TSDG_MIRROR" not in os.environ:
        sys.exit(
            "TSDG_MIRROR is not set: name the folder that holds <dataset>/<config>/<split>.parquet"
        )
    for figure in measure(Path(os.environ["TSDG_MIRROR"]), options.every, options.kind or PARTS):
        trials = sum(c[1] for book in (figure.gold, figure.wrong) for c in book.values())
        rate = trials / figure.seconds
        shares = f"gold {figure.share('gold'):.4%}  wrong taken {figure.share('wrong'):.4%}"
        print(f"{figure.kind:11} {figure.rows:34} {shares}  {trials:,} trials, {rate:,.0f}/s")
        for book in ("gold", "wrong"):
            for name, (count, tried) in getattr(figure, book).items():
                print(f"    {book:6}{name:28}{count:8,} of {tried:8,}")
        if options.list:
            print("\n".join(figure.misses))


if __name__ == "__main__":
    main()
