"""Measure the verifiers on answers that differ in a way that is easily overlooked.

    python benchmarks/adversaries.py [--rounds N] [--seed N]

Answers are drawn at random and written in kinds of ways. ``taken`` counts, per kind of difference,
how often an answer that says something else, or nothing, is read as the plain one.
"""

from __future__ import annotations

import argparse
import random
from collections import defaultdict

from tsdg.protocols import Asked
from tsdg.verify import verifier_for

ASKED = Asked(question="", context="", options=(), checks=())
OPTIONS = Asked(question="", context="", options=("red", "green", "blue", "grey"), checks=())
NUMBERS = {
    "operator": ["√{n}", "{n}!", "{n}i", "square root of {n}", "twice {n}", "{n} squared"],
    "variable": ["{n}t", "v = {n}x", "C = {n}d", "{n}y"],
    "scale": ["{n}M", "{n}K", "{n}B", "{n}万", "{n} juta", "elfu {n}", "{n} crore", "${n} m"],
    "bound": [">{n}", "at least {n}", "mindestens {n}", "au moins {n}", "{n} or more", "±{n}"],
    "fraction": ["{n} thirds", "{n} quarters", "{n} and a half", "{n}割", "{n}分之3"],
    "sign": ["negative {n}", "minus {n}", "-({n})", "moins {n}"],
    "two answers": ["{n} or {m}", r"\boxed{{{n} \text{{ and }} {m}}}", "x = {m} or x = {n}"],
    "pair, date, time": ["({m},{n})", "{n}/{m}/2024", r"\boxed{{{n}:30}}", "{n} pm"],
    "refusal": ["I cannot answer, {n} details are missing", "not {n}"],
}
FORMULAS = {
    "variable": [("{n}t", "{n}"), ("v={n}t", "v={n}"), ("x={n}", "y={n}"), ("{n}n", "{n}N")],
    "unit": [("{n} cm", "{n} m"), ("{n} kg", "{n} g"), ("{n} hours", "{n} minutes")],
    "prime": [("f'({n})", "f({n})"), ("y''={n}x", "y'={n}x")],
    "operator": [(r"\frac{{dy}}{{dx}}", "0"), ("{n}!", "{n}"), (r"\pm {n}", "{n}")],
    "list, bound": [("({n},{m})", "({m},{n})"), ("x>{n}", "x<{n}"), ("[{n},90]", "({n},90)")],
}
TEXTS = ["I don't know", "N/A", "Cannot be determined from the text", "Je ne sais pas", "不知道"]
LETTERS = ["{a}, {b}", "{a}, {b} and C", "{a}/{b}", "{a}和{b}", "both {a} and {b}", "{a} or {b}"]


def main() -> None:
    """Print how often each kind of difference was overlooked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    draw = random.Random(options.seed)
    taken: dict[str, list[int]] = defaultdict(lambda: [0, 0])

    def count(name: str, overlooked: bool) -> None:
        taken[name][0] += overlooked
        taken[name][1] += 1

    for _ in range(options.rounds):
        n, m = draw.sample(range(2, 90), 2)
        mark = draw.choice(["{}", "Answer: {}", "**{}**", "So.\nThe answer is {}."])
        for kind, forms in NUMBERS.items():
            text = mark.format(draw.choice(forms).format(n=n, m=m))
            count(f"number: {kind}", verifier_for("number").read(text, ASKED) in (str(n), str(m)))
        for kind, pairs in FORMULAS.items():
            left, right = (side.format(n=n, m=m) for side in draw.choice(pairs))
            count(f"math: {kind}", verifier_for("math").same(left, right))
        text = mark.format(draw.choice(TEXTS))
        count("short_text: refusal", verifier_for("short_text").read(text, ASKED) is not None)
        a, b = draw.sample("ABD", 2)
        text = mark.format(draw.choice(LETTERS).format(a=a, b=b))
        count("choice: list", verifier_for("choice").read(text, OPTIONS) is not None)
    for name, (overlooked, tried) in taken.items():
        print(f"{name:26}{overlooked:8,} of {tried:8,} taken")


if __name__ == "__main__":
    main()
