"""Measure the verifiers on answers that differ in a way that is easily overlooked.

    python benchmarks/adversaries.py [--rounds N] [--seed N] [--kind KIND] [--list]

Answers are drawn at random, and written in kinds of ways by generators: a value, a way in which
another answer differs from it, a mark of the answer, a layout. Two things are counted for each kind
of way:

- ``taken``: how often an answer that says something else, or nothing, is read as the plain one; or
  is read at all, where it has no one value. This must not happen: at most once in 10,000.
- ``read``: how often another notation of the same answer is read as the same.

The words stand in ``adversary_forms.py`` again, apart from the verifiers' own tables. ``--list``
prints whatever is taken or missed.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import partial

from adversary_forms import (
    BASES,
    BOUNDS,
    CHOICE_NOT,
    DATES,
    FRACTIONS,
    JOINED,
    LAYOUTS,
    LETTER_LISTS,
    MARKS,
    MATH_OTHER,
    MATH_SAME,
    NAMES,
    NUMBER_SAME,
    OPERATORS,
    OR,
    REFUSALS,
    SCALES,
    SIGNS,
    TEXT_OTHER,
    VARIABLES,
    WRAPPERS,
)

from tsdg.protocols import Asked
from tsdg.verify import verifier_for

Trial = tuple[str, str, bool, str]
"""Answer kind; kind of difference; whether it was overlooked, or not read; what it was."""
NOTHING = Asked(question="", context="", options=(), checks=())


def marked(dice: random.Random, said: str) -> str:
    """Put an answer behind a mark, in a layout that leaves it as it is."""
    layout = dice.choice(LAYOUTS) if "\\" not in said and "$" not in said else "{}"
    return dice.choice(MARKS) + layout.replace("{}", said)


def value(dice: random.Random) -> str:
    """A whole number of one to five digits, or a decimal."""
    if dice.random() < 0.2:
        return f"{dice.randrange(1, 400)}.{dice.randrange(1, 99):02}".rstrip("0")
    return str(dice.choice((dice.randrange(2, 30), dice.randrange(2, 1000), dice.randrange(99999))))


NUMBER_OTHER: dict[str, tuple[str, ...]] = {
    "operator": OPERATORS,
    "variable": VARIABLES,
    "scale": SCALES,
    "bound": BOUNDS,
    "fraction": FRACTIONS,
    "sign": SIGNS,
    "two answers": tuple(f"{{n}}{word}{{m}}" for word in OR if word != " / ")
    + tuple(f"x = {{n}}{word}x = {{m}}" for word in OR),
    "pair, list": JOINED,
    "date, time": DATES,
    "base": BASES,
}


READABLE = ("operator", "scale", "fraction", "sign")
"""Kinds whose value may be read, if it is another one than the plain numeral's."""


def number(dice: random.Random) -> Iterator[Trial]:
    """One trial of each kind of difference, of refusals, and of notations."""
    verifier = verifier_for("number")
    for kind, forms in NUMBER_OTHER.items():
        n, m = str(dice.randrange(2, 100)), str(dice.randrange(100, 200))
        if kind in ("bound", "scale", "sign", "variable"):
            n = value(dice)
        text = marked(dice, dice.choice(forms).format(n=n, m=m))
        found = verifier.read(text, NOTHING)
        known = kind in READABLE
        taken = found is not None and (not known or any(map(partial(verifier.same, found), (n, m))))
        yield "number", kind, taken, f"{text!r} read {found!r}"
    text = marked(dice, dice.choice(REFUSALS))
    yield "number", "refusal", verifier.read(text, NOTHING) is not None, repr(text)
    make = dice.choice(NUMBER_SAME)
    whole = dice.randrange(2, 99999)
    text = marked(dice, make(whole))
    found = verifier.read(text, NOTHING)
    same = found is not None and verifier.same(found, str(whole))
    yield "number", "= notation", not same, f"{text!r} read {found!r}"


def mathematics(dice: random.Random) -> Iterator[Trial]:
    """One trial of each kind of difference, and of notations."""
    verifier = verifier_for("math")
    for kind, pairs in (*MATH_OTHER.items(), ("= notation", MATH_SAME)):
        n, m = dice.randrange(3, 60), dice.randrange(60, 95)
        sides = [side.format(n=n, m=m) for side in dice.choice(pairs)]
        dice.shuffle(sides)
        shown = [dice.choice(("{}", "${}$", r"\({}\)", "$\\boxed{{{}}}$")).format(s) for s in sides]
        found = [verifier.read(text, NOTHING) for text in shown]
        same = None not in found and verifier.same(str(found[0]), str(found[1]))
        yield "math", kind, same != (kind == "= notation"), f"{shown} read {found}"
    text = marked(dice, dice.choice(REFUSALS))
    yield "math", "refusal", verifier.read(text, NOTHING) is not None, repr(text)


def choice(dice: random.Random) -> Iterator[Trial]:
    """One trial of each kind of what picks nothing, and of notations."""
    verifier = verifier_for("choice")
    options = tuple(dice.sample(NAMES, 4))
    asked = Asked(question="Which one?", context="", options=options, checks=())
    one, two = dice.sample(range(4), 2)
    a, b = "ABCD"[one], "ABCD"[two]
    wrong = {
        "list of letters": dice.choice(LETTER_LISTS).format(a=a, b=b),
        "letter against text": dice.choice(
            ("{a}) {t}", "({a}) {t}", "{a}. {t}", "{a}: {t}")
        ).format(a=a, t=options[two]),
        "two texts": f"{options[one]}{dice.choice(OR)}{options[two]}",
        "denied": dice.choice(CHOICE_NOT).format(t=options[one]),
        "echo of all": dice.choice((" ", "\n", ", ", "; ")).join(
            f"{letter}) {option}" for letter, option in zip("ABCD", options, strict=True)
        ),
        "no such letter": dice.choice(("E", "(F)", "G.", "H) something else")),
        "refusal": dice.choice(REFUSALS),
    }
    for kind, said in wrong.items():
        text = marked(dice, said) if "\n" not in said else said
        found = verifier.read(text, asked)
        yield "choice", kind, found is not None, f"{text!r} of {options} read {found!r}"
    said = dice.choice(("{a}", "({a})", "{a}.", "{a}) {t}", "{t}", "{a}: {t}", "**{a}**", "{T}"))
    text = marked(dice, said.format(a=a, t=options[one], T=options[one].upper()))
    found = verifier.read(text, asked)
    yield "choice", "= notation", found != options[one], f"{text!r} of {options} read {found!r}"


def short_text(dice: random.Random) -> Iterator[Trial]:
    """One trial of each kind of what is no answer or another one, and of wrappers."""
    verifier = verifier_for("short_text")
    name = dice.choice(NAMES)
    text = marked(dice, dice.choice(REFUSALS))
    yield "short_text", "refusal", verifier.read(text, NOTHING) is not None, repr(text)
    for kind, pairs in TEXT_OTHER.items():
        sides = [side.format(n=dice.choice("37"), t=name) for side in dice.choice(pairs)]
        found = [verifier.read(marked(dice, side), NOTHING) for side in sides]
        same = None not in found and verifier.same(str(found[0]), str(found[1]))
        yield "short_text", kind, same and sides[0] != sides[1], f"{sides} read {found}"
    text = dice.choice(MARKS) + dice.choice(WRAPPERS).replace("{}", name)
    read = verifier.read(text, NOTHING)
    same = read is not None and verifier.same(read, name)
    yield "short_text", "= wrapper", not same, f"{text!r} read {read!r}"


KINDS: dict[str, Callable[[random.Random], Iterator[Trial]]] = {
    "number": number,
    "math": mathematics,
    "choice": choice,
    "short_text": short_text,
}


def main() -> None:
    """Print how often each kind of difference was overlooked, and each notation read."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=200, help="trials of each kind of difference")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kind", choices=KINDS, action="append")
    parser.add_argument("--list", action="store_true", help="print whatever is taken or missed")
    options = parser.parse_args()
    dice, begun = random.Random(options.seed), time.perf_counter()
    counts: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    listed: set[str] = set()
    for name in options.kind or KINDS:
        for _ in range(options.rounds):
            for kind, way, wrong, shown in KINDS[name](dice):
                counts[kind, way][0] += wrong
                counts[kind, way][1] += 1
                if options.list and wrong and shown not in listed:
                    listed.add(shown)
                    print(f"{kind}\t{way}\t{shown}", file=sys.stderr)
    for (kind, way), (wrong, tried) in counts.items():
        what = f"{tried - wrong:7,} read" if way.startswith("=") else f"{wrong:7,} taken"
        print(f"{kind:12}{way:22}{what} of {tried:7,}")
    for name in dict.fromkeys(kind for kind, _ in counts):
        ways = [found for (kind, way), found in counts.items() if kind == name and way[0] != "="]
        taken, tried = (sum(found[place] for found in ways) for place in (0, 1))
        print(f"{name:12}{'all differences':22}{taken:7,} taken of {tried:7,}")
    print(f"{time.perf_counter() - begun:.0f} s")


if __name__ == "__main__":
    main()
